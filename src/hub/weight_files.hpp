// The safetensors files of a model folder: one, or several with an index.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/mapped_file.hpp"
#include "formats/safetensors.hpp"

namespace tessera {

class WeightFiles {
 public:
  /// model.safetensors, or all that model.safetensors.index.json names, or the only .safetensors file. Nothing is read
  /// yet. Error{invalid} naming what is missing and how to get it.
  explicit WeightFiles(std::string folder);

  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  [[nodiscard]] bool holds(const std::string& name) const { return tensors_.contains(name); }
  /// The shape of a tensor, null where there is none of that name.
  [[nodiscard]] const Shape* shape_of(const std::string& name) const;
  /// The tensor as f32, its elements still in the file.
  [[nodiscard]] Tensor read(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  struct Place {
    std::shared_ptr<const MappedFile> file;
    SafetensorsEntry entry;
  };

  void add(const std::string& file_name);

  std::string folder_;
  std::map<std::string, Place> tensors_;
};

}  // namespace tessera
