#include "formats/json_writer.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <variant>

namespace tessera {
namespace {

/// What the first byte of an item says, in its upper three bits.
enum class Major : std::uint8_t { number, negative, bytes, text, array, map, tag, other };

class CborWriter {
 public:
  void operator()(std::monostate /*null*/) { put(0xf6); }
  void operator()(bool value) { put(value ? 0xf5 : 0xf4); }
  void operator()(std::uint64_t number) { head(Major::number, number); }
  void operator()(std::int64_t number) {
    // -1 is 0 of the negative ones.
    if (number < 0)
      head(Major::negative, ~static_cast<std::uint64_t>(number));
    else
      head(Major::number, static_cast<std::uint64_t>(number));
  }
  void operator()(double number) {
    if (!std::isfinite(number)) return half(number);
    const bool in_range = std::abs(number) <= std::numeric_limits<float>::max();
    if (const auto narrow = in_range ? static_cast<float>(number) : 0.0F; static_cast<double>(narrow) == number) {
      put(0xfa);
      big_endian(std::bit_cast<std::uint32_t>(narrow));
    } else {
      put(0xfb);
      big_endian(std::bit_cast<std::uint64_t>(number));
    }
  }
  void operator()(const std::string& text) {
    head(Major::text, text.size());
    for (const char byte : text) put(static_cast<std::uint8_t>(byte));
  }
  void operator()(const JsonValue::Array& elements) {
    head(Major::array, elements.size());
    for (const JsonValue& element : elements) element.visit(*this);
  }
  void operator()(const JsonValue::Object& members) {
    head(Major::map, members.size());
    for (const auto& [key, value] : members) {
      (*this)(key);
      value.visit(*this);
    }
  }

  std::vector<std::byte> bytes;

 private:
  void put(std::uint8_t byte) { bytes.push_back(std::byte{byte}); }

  template <std::unsigned_integral T>
  void big_endian(T number) {
    for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8)
      put(static_cast<std::uint8_t>(number >> shift));
  }

  /// Infinities and NaN, for which two bytes are enough.
  void half(double number) {
    put(0xf9);
    big_endian(static_cast<std::uint16_t>(std::isnan(number) ? 0x7e00 : number > 0 ? 0x7c00 : 0xfc00));
  }

  /// A kind and a number, in as few bytes as it fits in.
  void head(Major major, std::uint64_t number) {
    const auto kind = static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5);
    if (number <= 0x17) {
      put(static_cast<std::uint8_t>(kind | number));
    } else if (number <= 0xff) {
      put(kind | 0x18);
      put(static_cast<std::uint8_t>(number));
    } else if (number <= 0xffff) {
      put(kind | 0x19);
      big_endian(static_cast<std::uint16_t>(number));
    } else if (number <= 0xffffffff) {
      put(kind | 0x1a);
      big_endian(static_cast<std::uint32_t>(number));
    } else {
      put(kind | 0x1b);
      big_endian(number);
    }
  }
};

class TextWriter {
 public:
  void operator()(std::monostate /*null*/) { text += "null"; }
  // A single number or string of nlohmann's, unlike an array or object, is freed without allocating.
  template <typename Scalar>
  requires std::is_arithmetic_v<Scalar> || std::same_as<Scalar, std::string>
  void operator()(const Scalar& scalar) {
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
  return std::move(writer.bytes);
}

std::string to_json(const JsonValue& value) {
  TextWriter writer;
  value.visit(writer);
  return std::move(writer.text);
}

}  // namespace tessera
