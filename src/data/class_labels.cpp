#include "data/class_labels.hpp"

#include <charconv>

#include "core/error.hpp"
#include "formats/json_file.hpp"

namespace tessera {
namespace {

using Json = nlohmann::json;

constexpr const char* forms = R"(write ["name", ...], {"name": index} or {"index": "name"})";

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

void add(ClassIndices& indices, const std::string& name, std::int64_t index, const std::string& origin) {
  for (const auto& [known, taken] : indices)
    if (known == name || taken == index) reject(origin, "names class '" + name + "' or its index twice", forms);
  indices.emplace(name, index);
}

ClassIndices parse_class_indices(const Json& json, const std::string& origin) {
  ClassIndices indices;
  if (json.is_array()) {
    for (std::size_t i = 0; i < json.size(); ++i) {
      if (!json[i].is_string()) reject(origin, "class " + std::to_string(i) + " has no name", forms);
      add(indices, json[i].get<std::string>(), static_cast<std::int64_t>(i), origin);
    }
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (value.is_number_unsigned()) {
        add(indices, key, value.get<std::int64_t>(), origin);
      } else if (const auto index = whole_number(key); index && value.is_string()) {
        add(indices, value.get<std::string>(), *index, origin);
      } else {
        reject(origin, "entry '" + key + "' pairs no class name with an index", forms);
      }
    }
  }
  if (indices.empty()) reject(origin, "names no classes", forms);
  return indices;
}

}  // namespace

ClassIndices read_class_indices(const std::string& path) {
  return parse_class_indices(read_json(path), path);
}

std::optional<ClassIndices> class_indices_of_config(const std::string& path) {
  const Json json = read_json(path);
  if (!json.is_object() || !json.contains("id2label")) return std::nullopt;
  return parse_class_indices(json.at("id2label"), path + ": id2label");
}

}  // namespace tessera
