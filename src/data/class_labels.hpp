// Which class each item of a data set belongs to, when folders or lines name the class.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace tessera {

/// Class names and their indices.
using ClassIndices = std::map<std::string, std::int64_t>;

/// labels.json: a list of names in the order of their indices, {"name": index} or {"index": "name"}. Error{invalid}
/// naming the file for anything else.
ClassIndices read_class_indices(const std::string& path);
/// "id2label" of a Hugging Face config.json; nothing where it has none.
std::optional<ClassIndices> class_indices_of_config(const std::string& path);

}  // namespace tessera
