// From a path to a Dataset: images, texts or arrays, whichever is there and the model takes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/class_labels.hpp"
#include "data/dataset.hpp"

namespace tessera {

/// What must be known of the model that the data is for. Files that describe its preprocessing are looked for beside
/// the model, in the data's folder and in the folder above it, in this order:
///   preprocessor_config.json (images); tokenizer.json or vocab.txt, with tokenizer_config.json and config.json
///   (texts).
struct DatasetModel {
  std::string path;  ///< of the model file; a built-in name for models that have none
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs =
      {};  ///< empty: unknown. The last extent of the first says how many classes there are
};

DatasetModel dataset_model(const std::string& path, const Model& model);
/// The same with every extent but the batch as it is compiled for `extents`: texts are padded or cut to the sequence,
/// so that the items can also be run.
DatasetModel dataset_model(const std::string& path, const Model& model,
                           const std::map<std::string, std::int64_t>& extents);

/// The names of the model's classes: labels.json, or id2label of config.json, beside the model or the data at `path`.
std::optional<ClassIndices> classes_for(const std::string& path, const DatasetModel& model);

/// `path` is a folder of images (or of one folder per class), a text file (one text per line, or label TAB text), an
/// .npz or .npy file, or a folder of those. Error{invalid} naming what is wrong and what to give instead.
std::unique_ptr<Dataset> open_dataset(const std::string& path, const DatasetModel& model);

}  // namespace tessera
