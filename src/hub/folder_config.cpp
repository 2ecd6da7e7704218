#include "hub/folder_config.hpp"

#include <cmath>

#include "core/error.hpp"
#include "formats/json_file.hpp"

namespace tessera {
namespace {

constexpr const char* as_saved = "give config.json as save_pretrained() wrote it";
constexpr std::int64_t most = 1'000'000'000;

}  // namespace

FolderConfig::FolderConfig(const std::string& path) : path_(path), json_(read_json(path)) {
  if (!json_.is_object()) reject(path, "is not a JSON object", as_saved);
}

bool FolderConfig::has(const char* key) const {
  return json_.contains(key) && !json_[key].is_null();
}

void FolderConfig::reject_entry(const std::string& key, const std::string& why, const std::string& remedy) const {
  reject(path_, "entry \"" + key + "\" " + why, remedy);
}

std::string FolderConfig::text(const char* key, const std::string& missing) const {
  if (!has(key)) return missing;
  if (!json_[key].is_string()) reject_entry(key, "is not a string", as_saved);
  return json_[key].get<std::string>();
}

bool FolderConfig::flag(const char* key, bool missing) const {
  if (!has(key)) return missing;
  if (!json_[key].is_boolean()) reject_entry(key, "is neither true nor false", as_saved);
  return json_[key].get<bool>();
}

double FolderConfig::number(const char* key, double missing) const {
  if (!has(key)) return missing;
  if (!json_[key].is_number() || !std::isfinite(json_[key].get<double>()))
    reject_entry(key, "is not a number", as_saved);
  return json_[key].get<double>();
}

std::int64_t FolderConfig::integer(const char* key, std::int64_t least) const {
  const nlohmann::json& entry = json_[key];
  if (!entry.is_number_integer() || entry < least || entry > most)
    reject_entry(key, "is not a number from " + std::to_string(least) + " to " + std::to_string(most), as_saved);
  return entry.get<std::int64_t>();
}

std::int64_t FolderConfig::count(const char* key) const {
  if (!has(key)) reject_entry(key, "is missing", as_saved);
  return integer(key, 1);
}

std::int64_t FolderConfig::count(const char* key, std::int64_t missing) const {
  return has(key) ? integer(key, 1) : missing;
}

std::int64_t FolderConfig::token(const char* key, std::int64_t missing) const {
  return has(key) ? integer(key, 0) : missing;
}

}  // namespace tessera
