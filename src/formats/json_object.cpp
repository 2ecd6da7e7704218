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

JsonObject::JsonObject(JsonValue json, std::string origin)
    : path_(std::move(origin)), root_(std::make_shared<const JsonValue>(std::move(json))), json_(root_.get()) {
  if (!json_->is_object()) reject(path_, "is not a JSON object", as_saved);
}

JsonObject::JsonObject(const JsonValue& part, const JsonObject& whole, const std::string& key)
    : path_(whole.path_), root_(whole.root_), json_(&part) {
  if (!part.is_object()) whole.reject_entry(key, "is not an object", as_saved);
}

JsonObject JsonObject::if_there(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {JsonValue::Object(), path};
  return JsonObject(path);
}

const JsonValue* JsonObject::find(const char* key) const noexcept {
  const JsonValue* const entry = json_->find(key);
  return entry == nullptr || entry->is_null() ? nullptr : entry;
}

void JsonObject::reject_entry(const std::string& key, const std::string& why, const std::string& remedy) const {
  reject(path_, "entry \"" + key + "\" " + why, remedy);
}

std::string JsonObject::text(const char* key, const std::string& missing) const {
  const JsonValue* const entry = find(key);
  if (entry == nullptr) return missing;
  if (!entry->is_string()) reject_entry(key, "is not a string", as_saved);
  return entry->string();
}

bool JsonObject::flag(const char* key, bool missing) const {
  const JsonValue* const entry = find(key);
  if (entry == nullptr) return missing;
  if (!entry->is_boolean()) reject_entry(key, "is neither true nor false", as_saved);
  return entry->get<bool>();
}

double JsonObject::number(const char* key, double missing) const {
  const JsonValue* const entry = find(key);
  if (entry == nullptr) return missing;
  if (!entry->is_number() || !std::isfinite(entry->get<double>())) reject_entry(key, "is not a number", as_saved);
  return entry->get<double>();
}

std::int64_t JsonObject::integer(const char* key, const JsonValue& entry, std::int64_t least) const {
  const auto number = entry.integer();
  if (!number || *number < least || *number > most)
    reject_entry(key, "is not a number from " + std::to_string(least) + " to " + std::to_string(most), as_saved);
  return *number;
}

std::int64_t JsonObject::count(const char* key) const {
  const JsonValue* const entry = find(key);
  if (entry == nullptr) reject_entry(key, "is missing", as_saved);
  return integer(key, *entry, 1);
}

std::int64_t JsonObject::count(const char* key, std::int64_t missing) const {
  const JsonValue* const entry = find(key);
  return entry == nullptr ? missing : integer(key, *entry, 1);
}

std::int64_t JsonObject::token(const char* key, std::int64_t missing) const {
  const JsonValue* const entry = find(key);
  return entry == nullptr ? missing : integer(key, *entry, 0);
}

JsonObject JsonObject::object(const char* key) const {
  const JsonValue* const entry = find(key);
  if (entry == nullptr) reject_entry(key, "is missing", as_saved);
  return {*entry, *this, key};
}

const JsonValue::Array& JsonObject::list(const char* key, const char* remedy) const {
  const JsonValue* const entry = find(key);
  if (entry == nullptr || !entry->is_array()) reject_entry(key, "is no list", remedy);
  return entry->elements();
}

std::vector<JsonObject> JsonObject::objects(const char* key) const {
  std::vector<JsonObject> found;
  const JsonValue* const list = find(key);
  if (list == nullptr) return found;
  if (!list->is_array()) reject_entry(key, "is not a list", as_saved);
  for (const JsonValue& entry : list->elements()) found.push_back({entry, *this, key});
  return found;
}

}  // namespace tessera
