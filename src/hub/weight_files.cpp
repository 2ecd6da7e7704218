#include "hub/weight_files.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "formats/folder.hpp"
#include "formats/json_file.hpp"
#include "formats/widened.hpp"
#include "hub/other_formats.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* index_file = "model.safetensors.index.json";

/// The files that an index names: plain names, so that it cannot reach out of its folder.
std::set<std::string> files_of_index(const std::string& path) {
  const JsonValue json = read_json(path);
  const JsonValue* const map = json.find("weight_map");
  if (map == nullptr || !map->is_object()) reject(path, "has no weight_map", "download the index again");
  std::set<std::string> files;
  for (const auto& [name, file] : map->members()) {
    if (!file.is_string() || file.string().find_first_of(std::string("/\\\0", 3)) != std::string::npos)
      reject(path, "tensor " + name + " is not in a file of this folder", "keep all files of the model in one folder");
    files.insert(file.string());
  }
  return files;
}

/// The .safetensors files of a folder, by name.
std::vector<std::string> safetensors_in(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const FolderEntry& entry : entries_of(folder.string(), error))
    if (has_extension(entry, {".safetensors"})) found.push_back(entry.name);
  return found;
}

}  // namespace

WeightFiles::WeightFiles(std::string folder) : folder_(std::move(folder)) {
  const fs::path root(folder_);
  std::error_code error;
  if (fs::exists(root / "model.safetensors", error)) {
    add("model.safetensors");
    return;
  }
  if (fs::exists(root / index_file, error)) {
    for (const std::string& file : files_of_index((root / index_file).string())) add(file);
    return;
  }
  const std::vector<std::string> files = safetensors_in(root);
  if (files.empty()) reject_other_weights(folder_);
  if (files.size() > 1)
    reject(folder_, "holds " + std::to_string(files.size()) + " .safetensors files and no " + index_file,
           "download the index too, or name the file with the weights model.safetensors");
  add(files.front());
}

void WeightFiles::add(const std::string& file_name) {
  const std::string path = path_in(folder_, file_name);
  const auto file = MappedFile::open(path);
  for (auto& [name, entry] : list_safetensors(file->bytes(), path))
    if (!tensors_.emplace(name, Place{file, entry}).second)
      reject(path, "tensor " + name + " is in another file of the folder too", "download the model again");
}

const Shape* WeightFiles::shape_of(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second.entry.shape;
}

Tensor WeightFiles::read(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) reject(folder_, "has no tensor " + name, "download the model again");
  const auto& [file, entry] = found->second;
  return map_as_f32(entry.type, entry.shape, entry.bytes, file, folder_ + ": tensor " + name);
}

std::vector<std::string> WeightFiles::names() const {
  std::vector<std::string> names;
  for (const auto& entry : tensors_) names.push_back(entry.first);
  return names;
}

}  // namespace tessera
