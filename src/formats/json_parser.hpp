// JSON text and CBOR (RFC 8949), read to a JsonValue.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "formats/json_value.hpp"

namespace tessera {

/// How many arrays and objects may lie inside each other: trees are read, copied and freed by recursion.
inline constexpr std::size_t max_json_depth = 256;

/// More than that.
class JsonTooDeep : public JsonError {
 public:
  JsonTooDeep();
};

/// The whole of `text` is one value. JsonError saying where it is not.
JsonValue parse_json(std::string_view text);
/// Strings of bytes and tags are errors, too.
JsonValue parse_cbor(std::span<const std::byte> bytes);

}  // namespace tessera
