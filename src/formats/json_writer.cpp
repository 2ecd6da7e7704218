#include "formats/json_writer.hpp"

#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <variant>

namespace tessera {
namespace {

/// What nlohmann writes: unlike an array or object, a single number or string of its own is freed without allocating.
template <typename T>
concept Scalar = std::is_arithmetic_v<T> || std::same_as<T, std::string>;

class CborWriter {
 public:
  void operator()(std::monostate /*null*/) { nlohmann::json::to_cbor(nullptr, bytes); }
  void operator()(const Scalar auto& scalar) { nlohmann::json::to_cbor(scalar, bytes); }
  void operator()(const JsonValue::Array& elements) {
    count(elements.size(), array_kind);
    for (const JsonValue& element : elements) element.visit(*this);
  }
  void operator()(const JsonValue::Object& members) {
    count(members.size(), map_kind);
    for (const auto& [key, value] : members) {
      (*this)(key);
      value.visit(*this);
    }
  }

  std::vector<std::uint8_t> bytes;

 private:
  // The upper three bits of the first byte. Those of a number are 0.
  static constexpr std::uint8_t array_kind = 0x80, map_kind = 0xa0;

  /// The head of an array or a map is that of its count, as another kind.
  void count(std::size_t number, std::uint8_t kind) {
    const std::size_t head = bytes.size();
    (*this)(std::uint64_t{number});
    bytes[head] |= kind;
  }
};

class TextWriter {
 public:
  void operator()(std::monostate /*null*/) { text += "null"; }
  void operator()(const Scalar auto& scalar) {
    text += nlohmann::json(scalar).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  void operator()(const JsonValue::Array& elements) {
    lines("[", elements, "]", [this](const JsonValue& element) { element.visit(*this); });
  }
  void operator()(const JsonValue::Object& members) {
    lines("{", members, "}", [this](const JsonMember& member) {
      (*this)(member.key);
      text += ": ";
      member.value.visit(*this);
    });
  }

  std::string text;

 private:
  template <typename Items, typename Write>
  void lines(const char* begin, const Items& items, const char* end, Write write) {
    text += begin;
    ++level_;
    bool first = true;
    for (const auto& item : items) {
      text += first ? "\n" : ",\n";
      text.append(level_, ' ');
      write(item);
      first = false;
    }
    --level_;
    if (!first) text.append(1, '\n').append(level_, ' ');
    text += end;
  }

  std::size_t level_ = 0;
};

}  // namespace

std::vector<std::byte> to_cbor(const JsonValue& value) {
  CborWriter writer;
  value.visit(writer);
  const auto* const first = reinterpret_cast<const std::byte*>(writer.bytes.data());
  return {first, first + writer.bytes.size()};
}

std::string to_json(const JsonValue& value) {
  TextWriter writer;
  value.visit(writer);
  return std::move(writer.text);
}

}  // namespace tessera
