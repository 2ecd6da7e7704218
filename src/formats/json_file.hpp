// Small JSON files that stand beside models and data.
#pragma once

#include <string>
#include <string_view>

#include "formats/json_value.hpp"

namespace tessera {

/// Error{invalid} naming the file when it cannot be read or is no JSON.
JsonValue read_json(const std::string& path);
JsonValue parse_json(std::string_view text, const std::string& origin);

}  // namespace tessera
