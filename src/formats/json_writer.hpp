// A JsonValue as CBOR (RFC 8949) and as JSON text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "formats/json_value.hpp"

namespace tessera {

/// Numbers in their shortest form, keys in their order: the same value gives the same bytes.
std::vector<std::byte> to_cbor(const JsonValue& value);

/// A line for each member and element, one space further in for each level. What is not UTF-8 in a string is replaced.
std::string to_json(const JsonValue& value);

}  // namespace tessera
