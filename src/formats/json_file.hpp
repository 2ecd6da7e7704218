// Small JSON files that stand beside models and data.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tessera {

/// Error{invalid} naming the file when it cannot be read or is no JSON.
nlohmann::json read_json(const std::string& path);
nlohmann::json parse_json(const std::string& text, const std::string& origin);

}  // namespace tessera
