#include "data/class_labels.hpp"

#include <charconv>

#include "core/error.hpp"
#include "formats/json_file.hpp"

namespace tessera {
namespace {

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

ClassIndices parse_class_indices(const JsonValue& json, const std::string& origin) {
  ClassIndices indices;
  if (json.is_array()) {
    const auto& names = json.elements();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!names[i].is_string()) reject(origin, "class " + std::to_string(i) + " has no name", forms);
      add(indices, names[i].string(), static_cast<std::int64_t>(i), origin);
    }
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.members()) {
      if (const auto number = value.integer(); number && *number >= 0) {
        add(indices, key, *number, origin);
      } else if (const auto index = whole_number(key); index && value.is_string()) {
        add(indices, value.string(), *index, origin);
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
  const JsonValue json = read_json(path);
  const JsonValue* const labels = json.find("id2label");
  if (labels == nullptr) return std::nullopt;
  return parse_class_indices(*labels, path + ": id2label");
}

}  // namespace tessera
