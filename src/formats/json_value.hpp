// What a JSON or CBOR file says: a tree that its reader asks. The document of nlohmann-json allocates in its
// destructor, and a process that has run out of memory ends there; this one only frees (decision 55).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tessera {

/// Text that is no JSON, or a value that is not what was asked for. Readers make an Error of it, which names the file.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct JsonMember;

class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonMember>;  ///< in the order of the keys, each of them once

  JsonValue() noexcept;  ///< null
  template <typename T>
  requires std::is_arithmetic_v<T> JsonValue(T number);  // NOLINT: values are written as they are
  JsonValue(std::string text) noexcept;
  JsonValue(Array elements) noexcept;
  /// In any order; of members with the same key the last one counts.
  JsonValue(Object members);
  /// An array of numbers or strings.
  template <typename T>
  explicit JsonValue(const std::vector<T>& elements);
  JsonValue(const JsonValue&);
  JsonValue(JsonValue&&) noexcept;
  JsonValue& operator=(const JsonValue&);
  JsonValue& operator=(JsonValue&&) noexcept;
  ~JsonValue();

  [[nodiscard]] bool is_null() const noexcept { return holds<std::monostate>(); }
  [[nodiscard]] bool is_boolean() const noexcept { return holds<bool>(); }
  [[nodiscard]] bool is_number() const noexcept { return is_integer() || holds<double>(); }
  /// A number written without a point and an exponent, of at most 64 bits.
  [[nodiscard]] bool is_integer() const noexcept { return holds<std::int64_t>() || holds<std::uint64_t>(); }
  [[nodiscard]] bool is_string() const noexcept { return holds<std::string>(); }
  [[nodiscard]] bool is_array() const noexcept { return holds<Array>(); }
  [[nodiscard]] bool is_object() const noexcept { return holds<Object>(); }

  /// bool, a type of integers (any integer that it can hold), float or double (any number), std::string, or std::vector
  /// of one of these. JsonError where this is something else.
  template <typename T>
  [[nodiscard]] T get() const;
  /// Nothing where this is no integer, or one that T cannot hold.
  template <std::integral T = std::int64_t>
  [[nodiscard]] std::optional<T> integer() const noexcept;
  [[nodiscard]] const std::string& string() const { return held<std::string>("string"); }

  [[nodiscard]] const Array& elements() const { return held<Array>("array"); }
  [[nodiscard]] const Object& members() const { return held<Object>("object"); }
  [[nodiscard]] const JsonValue& at(std::size_t index) const;
  [[nodiscard]] const JsonValue& at(std::string_view key) const;
  /// nullptr where this is no object, or one without that key.
  [[nodiscard]] const JsonValue* find(std::string_view key) const noexcept;

  /// Calls what is given with the std::monostate, bool, number, string, Array or Object that this is.
  template <typename Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    return std::visit(std::forward<Visitor>(visitor), value_);
  }

 private:
  // Integers as they were read: unsigned without a sign, else signed.
  using Held = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object>;

  template <typename T>
  [[nodiscard]] bool holds() const noexcept {
    return std::holds_alternative<T>(value_);
  }
  template <typename T>
  [[nodiscard]] const T& held(const char* wanted) const {
    if (const T* const value = std::get_if<T>(&value_)) return *value;
    refuse(wanted);
  }
  [[nodiscard]] double number() const;
  /// `wanted` says what this is not.
  [[noreturn]] void refuse(const char* wanted) const;

  Held value_;
};

struct JsonMember {
  std::string key;
  JsonValue value;
};

// Here, where a member is complete.
inline JsonValue::JsonValue() noexcept = default;
inline JsonValue::JsonValue(std::string text) noexcept : value_(std::move(text)) {}
inline JsonValue::JsonValue(Array elements) noexcept : value_(std::move(elements)) {}
// By hand: where there is no memory for a copy, libstdc++ 12 destroys in its variants what it has not made yet.
inline JsonValue::JsonValue(const JsonValue& other)
    : value_(other.visit([]<typename T>(const T& value) { return Held(std::in_place_type<T>, value); })) {}
inline JsonValue::JsonValue(JsonValue&&) noexcept = default;
inline JsonValue& JsonValue::operator=(const JsonValue& other) {
  return *this = JsonValue(other);
}
inline JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;
inline JsonValue::~JsonValue() = default;

template <typename T>
requires std::is_arithmetic_v<T> JsonValue::JsonValue(T number) {
  if constexpr (std::is_same_v<T, bool>)
    value_ = number;
  else if constexpr (std::is_floating_point_v<T>)
    value_ = static_cast<double>(number);
  else if constexpr (std::is_signed_v<T>)
    value_ = static_cast<std::int64_t>(number);
  else
    value_ = static_cast<std::uint64_t>(number);
}

template <typename T>
JsonValue::JsonValue(const std::vector<T>& elements) : value_(Array(elements.begin(), elements.end())) {}

template <std::integral T>
std::optional<T> JsonValue::integer() const noexcept {
  const auto fitting = [](auto number) {
    return std::in_range<T>(number) ? std::optional(static_cast<T>(number)) : std::nullopt;
  };
  if (const auto* const number = std::get_if<std::uint64_t>(&value_)) return fitting(*number);
  if (const auto* const number = std::get_if<std::int64_t>(&value_)) return fitting(*number);
  return std::nullopt;
}

template <typename T>
T JsonValue::get() const {
  if constexpr (std::is_same_v<T, bool>) {
    return held<bool>("boolean");
  } else if constexpr (std::is_integral_v<T>) {
    if (const auto number = integer<T>()) return *number;
    refuse(is_integer() ? "a number of that size" : "integer");
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(number());
  } else if constexpr (std::is_same_v<T, std::string>) {
    return string();
  } else {
    T list;
    list.reserve(elements().size());
    for (const JsonValue& element : elements()) list.push_back(element.get<typename T::value_type>());
    return list;
  }
}

}  // namespace tessera
