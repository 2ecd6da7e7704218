// Images in a folder, or in one folder per class.
#pragma once

#include <string>
#include <vector>

#include "data/class_labels.hpp"
#include "data/dataset.hpp"
#include "data/image_preprocessing.hpp"
#include "data/model_inputs.hpp"

namespace tessera {

class ImageDataset : public Dataset {
 public:
  /// All PNG and JPEG files below `folder`, in the order of their names. An image in a folder of its own belongs to
  /// that class: its index is `classes`' where given, else its place among the sorted names. Without `classes`, a
  /// number of folders other than `class_count` (0: unknown) cannot say which is which: then there are no labels, and a
  /// note. Without `preprocessing` ImageNet's is used, with a note. `folder` may also be one image. Error{invalid} for
  /// a folder without images.
  ImageDataset(const std::string& folder, ImageInput input, const std::optional<ImagePreprocessing>& preprocessing,
               const std::optional<ClassIndices>& classes, std::int64_t class_count);

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  [[nodiscard]] TensorMap item(std::int64_t index) const override;
  [[nodiscard]] std::optional<std::int64_t> label(std::int64_t index) const override;
  [[nodiscard]] std::string describe(std::int64_t index) const override;
  [[nodiscard]] std::vector<std::string> notes() const override { return notes_; }

 private:
  void assign_labels(const std::string& folder, const std::optional<ClassIndices>& classes, std::int64_t class_count);

  ImageInput input_;
  ImagePreprocessing preprocessing_;
  std::vector<std::string> files_;
  std::vector<std::int64_t> labels_;  ///< empty, or one for each file
  std::vector<std::string> notes_;
};

}  // namespace tessera
