#include "formats/json_object.hpp"

#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "formats/json_file.hpp"

namespace tessera {
namespace {

constexpr const char* as_saved = "give the file as the model's library saved it";
constexpr std::int64_t most = 1'000'000'000;

}  // namespace

JsonObject::JsonObject(const std::string& path) : JsonObject(read_json(path), path) {}

JsonObject::JsonObject(nlohmann::json json, std::string origin)
    : path_(std::move(origin)), root_(std::make_shared<const nlohmann::json>(std::move(json))), json_(root_.get()) {
  if (!json_->is_object()) reject(path_, "is not a JSON object", as_saved);
}

JsonObject::JsonObject(const nlohmann::json& part, const JsonObject& whole, const std::string& key)
    : path_(whole.path_), root_(whole.root_), json_(&part) {
  if (!part.is_object()) whole.reject_entry(key, "is not an object", as_saved);
}

JsonObject JsonObject::if_there(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {nlohmann::json::object(), path};
  return JsonObject(path);
}

bool JsonObject::has(const char* key) const {
  return json_->contains(key) && !(*json_)[key].is_null();
}

void JsonObject::reject_entry(const std::string& key, const std::string& why, const std::string& remedy) const {
  reject(path_, "entry \"" + key + "\" " + why, remedy);
}

std::string JsonObject::text(const char* key, const std::string& missing) const {
  if (!has(key)) return missing;
  if (!(*json_)[key].is_string()) reject_entry(key, "is not a string", as_saved);
  return (*json_)[key].get<std::string>();
}

bool JsonObject::flag(const char* key, bool missing) const {
  if (!has(key)) return missing;
  if (!(*json_)[key].is_boolean()) reject_entry(key, "is neither true nor false", as_saved);
  return (*json_)[key].get<bool>();
}

double JsonObject::number(const char* key, double missing) const {
  if (!has(key)) return missing;
  if (!(*json_)[key].is_number() || !std::isfinite((*json_)[key].get<double>()))
    reject_entry(key, "is not a number", as_saved);
  return (*json_)[key].get<double>();
}

std::int64_t JsonObject::integer(const char* key, std::int64_t least) const {
  const nlohmann::json& entry = (*json_)[key];
  if (!entry.is_number_integer() || entry < least || entry > most)
    reject_entry(key, "is not a number from " + std::to_string(least) + " to " + std::to_string(most), as_saved);
  return entry.get<std::int64_t>();
}

std::int64_t JsonObject::count(const char* key) const {
  if (!has(key)) reject_entry(key, "is missing", as_saved);
  return integer(key, 1);
}

std::int64_t JsonObject::count(const char* key, std::int64_t missing) const {
  return has(key) ? integer(key, 1) : missing;
}

std::int64_t JsonObject::token(const char* key, std::int64_t missing) const {
  return has(key) ? integer(key, 0) : missing;
}

JsonObject JsonObject::object(const char* key) const {
  if (!has(key)) reject_entry(key, "is missing", as_saved);
  return {(*json_)[key], *this, key};
}

std::vector<JsonObject> JsonObject::objects(const char* key) const {
  std::vector<JsonObject> found;
  if (!has(key)) return found;
  const nlohmann::json& list = (*json_)[key];
  if (!list.is_array()) reject_entry(key, "is not a list", as_saved);
  for (const nlohmann::json& entry : list) found.push_back({entry, *this, key});
  return found;
}

}  // namespace tessera
