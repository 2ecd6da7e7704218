#include "data/array_dataset.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "data/array_check.hpp"
#include "data/model_inputs.hpp"
#include "data/npz.hpp"
#include "formats/folder.hpp"
#include "formats/mapped_file.hpp"
#include "formats/npy.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view zip_magic{"PK\x03\x04", 4}, npy_magic{"\x93NUMPY", 6};

std::string head_of(const std::string& path) {
  return first_bytes(path, npy_magic.size());
}

std::vector<std::string> array_files_in(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const FolderEntry& entry : entries_of(folder, error))
    if (has_extension(entry, {".npz", ".npy"})) files.push_back(path_in(folder, entry.name));
  if (error) reject(folder, "cannot read the folder (" + error.message() + ")", "check the path and its permissions");
  return files;
}

std::string stem_of(const std::string& path) {
  return fs::path(path).stem().string();
}

/// One .npy for each input, named after it, and perhaps labels.
bool one_file_per_input(const std::vector<std::string>& files, const std::vector<TensorInfo>& inputs) {
  std::set<std::string> stems;
  for (const std::string& file : files) {
    if (!file.ends_with(".npy")) return false;
    stems.insert(stem_of(file));
  }
  return std::all_of(inputs.begin(), inputs.end(), [&](const TensorInfo& input) { return stems.contains(input.name); });
}

/// Row `index` of an array as a batch of one; shares the elements.
Tensor row_of(const Tensor& array, std::int64_t index) {
  Shape shape = array.shape();
  const std::size_t bytes = array.bytes() / static_cast<std::size_t>(shape[0]);
  shape[0] = 1;
  return {array.type(), shape, std::make_shared<const Tensor>(array),
          array.data() + bytes * static_cast<std::size_t>(index)};
}

/// Integers of 32 bits where the model takes 64, as some platforms write them.
Tensor widened(const Tensor& tensor) {
  Tensor wide(DataType::i64, tensor.shape());
  const auto source = tensor.as<std::int32_t>();
  std::copy(source.begin(), source.end(), wide.mutable_as<std::int64_t>().begin());
  return wide;
}

}  // namespace

bool is_array_file(const std::string& path) {
  const std::string head = head_of(path);
  return head.starts_with(zip_magic) || head.starts_with(npy_magic);
}

ArrayDataset::ArrayDataset(const Arrays& arrays, std::vector<TensorInfo> inputs, const std::string& origin)
    : inputs_(std::move(inputs)), arrays_(std::make_shared<const Arrays>(arrays)) {
  parts_.reserve(1);
  parts_.push_back({origin, {}, 0, 0});
  loaded_ = &parts_.front();
  size_ = parts_.front().count = check_arrays(arrays, inputs_, origin);
  labels_ = labels_in(arrays, inputs_, size_, origin).value_or(std::vector<std::int64_t>());
}

ArrayDataset::ArrayDataset(const std::string& path, std::vector<TensorInfo> inputs) : inputs_(std::move(inputs)) {
  if (!fs::is_directory(path)) {
    add_part(path, {path});
  } else {
    const std::vector<std::string> files = array_files_in(path);
    if (files.empty()) reject(path, "holds no .npz or .npy file", "save the inputs with numpy.savez");
    if (one_file_per_input(files, inputs_)) {
      add_part(path, files);
    } else {
      for (const std::string& file : files) add_part(file, {file});
    }
  }
  if (!labels_.empty() && static_cast<std::int64_t>(labels_.size()) != size_)
    reject(path, "some of its files hold labels and some do not", "save labels in all files or in none");
  loaded_ = &parts_.back();
}

void ArrayDataset::add_part(const std::string& origin, std::vector<std::string> files) {
  Part part{origin, std::move(files), size_, 0};
  arrays_ = nullptr;  // before the next one is read: two need not fit
  arrays_ = load(part);
  part.count = check_arrays(*arrays_, inputs_, origin);
  if (const auto labels = labels_in(*arrays_, inputs_, part.count, origin))
    labels_.insert(labels_.end(), labels->begin(), labels->end());
  size_ += part.count;
  parts_.push_back(std::move(part));
}

std::shared_ptr<const Arrays> ArrayDataset::load(const Part& part) const {
  auto arrays = std::make_shared<Arrays>();
  for (const std::string& file : part.files) {
    if (!head_of(file).starts_with(npy_magic)) {
      *arrays = read_npz(file, [this](const std::string& name) { return is_read(name); });
    } else if (part.origin != file) {  // one file per input
      arrays->emplace(stem_of(file), read_npy(file));
    } else if (inputs_.size() == 1) {
      arrays->emplace(inputs_[0].name, read_npy(file));
    } else {
      reject(file, "is one array, the model takes " + std::to_string(inputs_.size()) + ": " + to_string(inputs_),
             "save all of them with numpy.savez");
    }
  }
  return arrays;
}

bool ArrayDataset::is_read(const std::string& name) const {
  return is_label_name(name) ||
         std::ranges::any_of(inputs_, [&](const TensorInfo& input) { return input.name == name; });
}

const ArrayDataset::Part& ArrayDataset::part_of(std::int64_t index) const {
  const auto next = std::upper_bound(parts_.begin(), parts_.end(), index,
                                     [](std::int64_t wanted, const Part& part) { return wanted < part.first; });
  return *std::prev(next);
}

std::shared_ptr<const Arrays> ArrayDataset::arrays_of(const Part& part) const {
  const std::lock_guard lock(mutex_);
  if (loaded_ == &part) return arrays_;
  loaded_ = nullptr;
  arrays_ = nullptr;
  arrays_ = load(part);
  if (check_arrays(*arrays_, inputs_, part.origin) != part.count)
    reject(part.origin, "has changed while it was used", "leave the data alone until the work is done");
  loaded_ = &part;
  return arrays_;
}

TensorMap ArrayDataset::item(std::int64_t index) const {
  const Part& part = part_of(index);
  const auto arrays = arrays_of(part);
  TensorMap result;
  for (const TensorInfo& input : inputs_) {
    Tensor row = row_of(arrays->at(input.name), index - part.first);
    if (input.type == DataType::i64 && row.type() == DataType::s32) row = widened(row);
    if (row.type() == DataType::f32)
      for (const float value : row.as<float>())
        if (!std::isfinite(value))
          reject(describe(index), "'" + input.name + "' holds " + (std::isnan(value) ? "NaN" : "infinity"),
                 "correct or leave out this sample");
    result.emplace(input.name, std::move(row));
  }
  return result;
}

std::optional<std::int64_t> ArrayDataset::label(std::int64_t index) const {
  return labels_.empty() ? std::nullopt : std::optional(labels_.at(static_cast<std::size_t>(index)));
}

std::string ArrayDataset::describe(std::int64_t index) const {
  const Part& part = part_of(index);
  return part.origin + ": sample " + std::to_string(index - part.first);
}

}  // namespace tessera
