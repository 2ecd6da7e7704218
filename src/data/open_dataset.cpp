#include "data/open_dataset.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <initializer_list>
#include <system_error>

#include "core/error.hpp"
#include "data/array_dataset.hpp"
#include "data/image_dataset.hpp"
#include "data/image_decoder.hpp"
#include "data/image_files.hpp"
#include "data/model_inputs.hpp"
#include "data/text_dataset.hpp"
#include "formats/folder.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

bool holds_array_files(const fs::path& folder) {
  std::error_code error;
  return std::ranges::any_of(entries_of(folder.string(), error), [](const FolderEntry& entry) {
    return has_extension(entry, {".npz", ".npy"});
  });
}

bool is_image_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  return image_format_of(file->bytes().first(std::min<std::size_t>(8, file->bytes().size()))).has_value();
}

/// A file that goes with the model or with the data: beside the model, in the data's folder, or in the folder above. Of
/// several names the first that is there.
std::optional<std::string> companion(std::initializer_list<const char*> names, const std::string& data,
                                     const DatasetModel& model) {
  std::error_code error;
  fs::path folder = fs::absolute(data, error).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // a slash at the end
  if (!fs::is_directory(folder, error)) folder = folder.parent_path();
  std::vector<fs::path> places;
  if (fs::is_directory(model.path, error)) places.emplace_back(model.path);
  if (fs::is_regular_file(model.path, error)) places.push_back(fs::absolute(model.path, error).parent_path());
  places.insert(places.end(), {folder, folder.parent_path()});
  for (const fs::path& place : places)
    for (const char* name : names)
      if (fs::exists(place / name, error)) return (place / name).string();
  return std::nullopt;
}

/// 0 where the model does not say.
std::int64_t class_count_of(const DatasetModel& model) {
  if (model.outputs.empty() || model.outputs[0].shape.size() != 2) return 0;
  return fixed_extent(model.outputs[0].shape[1]).value_or(0);
}

std::unique_ptr<Dataset> open_images(const std::string& path, const DatasetModel& model, const ImageInput& input) {
  const auto config = companion({"preprocessor_config.json"}, path, model);
  const auto preprocessing = config ? std::optional(read_image_preprocessing(*config)) : std::nullopt;
  const auto labels = companion({"labels.json"}, path, model);
  return std::make_unique<ImageDataset>(path, input, preprocessing,
                                        labels ? std::optional(read_class_indices(*labels)) : std::nullopt,
                                        class_count_of(model));
}

std::unique_ptr<Dataset> open_texts(const std::string& path, const DatasetModel& model, const TextInput& input) {
  const auto tokenizer = companion({"tokenizer.json", "vocab.txt"}, path, model);
  if (!tokenizer)
    reject(path,
           "neither tokenizer.json nor vocab.txt, which turn text into the model's token ids, is beside the model or "
           "the text",
           "put the model's tokenizer.json or vocab.txt beside one of them");
  return std::make_unique<TextDataset>(path, Tokenizer::read(*tokenizer), input, classes_for(path, model),
                                       class_count_of(model));
}

std::unique_ptr<Dataset> open_folder(const std::string& path, const DatasetModel& model) {
  if (holds_array_files(path)) return std::make_unique<ArrayDataset>(path, model.inputs);
  if (const auto image = image_input_of(model.inputs)) return open_images(path, model, *image);
  const bool images = !find_image_files(path).images.empty();
  reject(path,
         images ? "holds images, the model takes " + to_string(model.inputs) : "is a folder without .npz or .npy files",
         text_input_of(model.inputs) ? "give a text file, or .npz files of token ids"
                                     : "save the model's inputs with numpy.savez: " + to_string(model.inputs));
}

std::unique_ptr<Dataset> open_file(const std::string& path, const DatasetModel& model) {
  if (MappedFile::open(path)->bytes().empty()) reject(path, "the file is empty", "copy it again or give another");
  if (is_array_file(path)) return std::make_unique<ArrayDataset>(path, model.inputs);
  const auto image = image_input_of(model.inputs);
  if (is_image_file(path)) {
    if (image) return open_images(path, model, *image);
    reject(path, "is an image, the model takes " + to_string(model.inputs), "give data of that kind");
  }
  if (const auto text = text_input_of(model.inputs)) return open_texts(path, model, *text);
  reject(path, "is neither a PNG, JPEG, .npz nor .npy file",
         image ? "give a folder of images" : "save the model's inputs with numpy.savez: " + to_string(model.inputs));
}

}  // namespace

std::optional<ClassIndices> classes_for(const std::string& path, const DatasetModel& model) {
  if (const auto labels = companion({"labels.json"}, path, model)) return read_class_indices(*labels);
  if (const auto config = companion({"config.json"}, path, model)) return class_indices_of_config(*config);
  return std::nullopt;
}

DatasetModel dataset_model(const std::string& path, const Model& model) {
  return {path, model.inputs(), model.outputs()};
}

DatasetModel dataset_model(const std::string& path, const Model& model,
                           const std::map<std::string, std::int64_t>& extents) {
  DatasetModel bound = dataset_model(path, model);
  const TensorMap compiled = model.random_inputs(extents, 1);
  for (TensorInfo& input : bound.inputs)
    for (std::size_t axis = 1; axis < input.shape.size(); ++axis)
      input.shape[axis] = std::to_string(compiled.at(input.name).shape()[axis]);
  return bound;
}

std::unique_ptr<Dataset> open_dataset(const std::string& path, const DatasetModel& model) {
  std::error_code error;
  if (path.empty()) reject("data", "its name is empty", "name a file or a folder");
  if (!fs::exists(path, error)) reject(path, "no such file or folder", "check the path");
  return fs::is_directory(path, error) ? open_folder(path, model) : open_file(path, model);
}

}  // namespace tessera
