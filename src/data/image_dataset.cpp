#include "data/image_dataset.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "data/image_decoder.hpp"
#include "data/image_files.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// The folder below `root` that an image is in; empty for an image in `root` itself.
std::string class_of(const std::string& file, const std::string& root) {
  const fs::path relative = fs::path(file).lexically_relative(root);
  return relative.has_parent_path() ? relative.begin()->string() : std::string();
}

std::string size_text(std::int64_t width, std::int64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

}  // namespace

ImageDataset::ImageDataset(const std::string& folder, ImageInput input,
                           const std::optional<ImagePreprocessing>& preprocessing,
                           const std::optional<ClassIndices>& classes, std::int64_t class_count)
    : input_(std::move(input)), preprocessing_(preprocessing.value_or(ImagePreprocessing())) {
  if (input_.height && input_.width) preprocessing_ = fitted_to(preprocessing_, *input_.height, *input_.width);
  if (!preprocessing)
    notes_.push_back("no preprocessor_config.json beside the model or " + folder +
                     ": images are resized, cut and normalised as for ImageNet");
  if (!fs::is_directory(folder)) {
    files_ = {folder};
    return;
  }
  ImageFiles found = find_image_files(folder);
  files_ = std::move(found.images);
  if (found.others > 0)
    notes_.push_back("left out " + std::to_string(found.others) + " files of " + folder +
                     " that are neither PNG nor JPEG, for example " + found.example);
  if (files_.empty())
    reject(folder, found.others > 0 ? "holds no PNG or JPEG images, only files like " + found.example : "is empty",
           "give a folder of PNG or JPEG images");
  assign_labels(folder, classes, class_count);
}

void ImageDataset::assign_labels(const std::string& folder, const std::optional<ClassIndices>& classes,
                                 std::int64_t class_count) {
  std::set<std::string> names;
  for (const std::string& file : files_) names.insert(class_of(file, folder));
  if (names.size() == 1 && (!classes || !classes->contains(*names.begin()))) return;  // one heap of images, no classes
  if (names.contains(""))
    reject(folder, "holds images beside folders of images",
           "move every image to the folder of its class, or all to one");
  ClassIndices indices;
  if (classes) {
    for (const std::string& name : names)
      if (!classes->contains(name))
        reject(folder + "/" + name, "labels.json does not know a class '" + name + "'", "add it or rename the folder");
    indices = *classes;
  } else if (class_count > 0 && static_cast<std::int64_t>(names.size()) != class_count) {
    notes_.push_back("no labels: " + folder + " has " + std::to_string(names.size()) + " folders, the model tells " +
                     std::to_string(class_count) + " classes apart; a labels.json beside it would say which is which");
    return;
  } else {
    for (const std::string& name : names) indices.emplace(name, static_cast<std::int64_t>(indices.size()));
  }
  for (const std::string& file : files_) labels_.push_back(indices.at(class_of(file, folder)));
}

TensorMap ImageDataset::item(std::int64_t index) const {
  const std::string& path = files_.at(static_cast<std::size_t>(index));
  const auto file = MappedFile::open(path);
  const RgbImage image = brought_to_size(decode_image(file->bytes(), path), preprocessing_, path);
  const std::int64_t height = image.height, width = image.width;
  if (height != input_.height.value_or(height) || width != input_.width.value_or(width))
    reject(path,
           "is " + size_text(width, height) + " pixels, the model takes " +
               size_text(input_.width.value_or(width), input_.height.value_or(height)) + " and " +
               preprocessing_.origin + " does not resize",
           "resize the image or set do_resize there");
  return {{input_.name, normalised(image, preprocessing_, input_.channels)}};
}

std::optional<std::int64_t> ImageDataset::label(std::int64_t index) const {
  if (labels_.empty()) return std::nullopt;
  return labels_.at(static_cast<std::size_t>(index));
}

std::string ImageDataset::describe(std::int64_t index) const {
  return files_.at(static_cast<std::size_t>(index));
}

}  // namespace tessera
