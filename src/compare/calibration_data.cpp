#include "compare/calibration_data.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "core/error.hpp"
#include "formats/npy.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Rows [first, first + count) of a tensor; keeps the whole alive, copies nothing.
Tensor rows_of(const std::shared_ptr<const Tensor>& whole, std::int64_t first, std::int64_t count) {
  Shape shape = whole->shape();
  const std::size_t row_bytes = whole->bytes() / static_cast<std::size_t>(shape[0]);
  shape[0] = count;
  return {whole->type(), shape, whole, whole->data() + row_bytes * static_cast<std::size_t>(first)};
}

/// The extent the model fixes for the first axis, if any.
std::optional<std::int64_t> fixed_batch(const std::vector<TensorInfo>& inputs) {
  for (const TensorInfo& input : inputs)
    if (!input.shape.empty() && !input.shape[0].empty() &&
        std::all_of(input.shape[0].begin(), input.shape[0].end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
      return std::stoll(input.shape[0]);
  return std::nullopt;
}

std::string names_in(const std::map<std::string, Tensor>& arrays) {
  std::string names;
  for (const auto& [name, tensor] : arrays) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "nothing" : names;
}

}  // namespace

std::vector<TensorMap> split_batches(const std::map<std::string, Tensor>& arrays, const std::vector<TensorInfo>& inputs,
                                     std::int64_t batch, const std::string& origin) {
  const std::string subject = "calibration " + origin;
  std::map<std::string, std::shared_ptr<const Tensor>> whole;
  std::optional<std::int64_t> samples;
  for (const TensorInfo& input : inputs) {
    const auto found = arrays.find(input.name);
    if (found == arrays.end())
      reject(subject, "has no array '" + input.name + "' (it holds " + names_in(arrays) + ")",
             "name the arrays as the model names its inputs");
    const Tensor& array = found->second;
    if (array.shape().rank() == 0) reject(subject, "array '" + input.name + "' has no axis of samples");
    if (samples && *samples != array.shape()[0])
      reject(subject, "arrays differ in their number of samples (" + std::to_string(*samples) + " and " +
                          std::to_string(array.shape()[0]) + " in '" + input.name + "')");
    samples = array.shape()[0];
    whole[input.name] = std::make_shared<const Tensor>(array);
  }
  const std::optional<std::int64_t> fixed = fixed_batch(inputs);
  const std::int64_t size = fixed.value_or(batch);
  if (!samples || *samples < (fixed ? size : 1))
    reject(subject,
           "holds " + std::to_string(samples.value_or(0)) + " samples, less than one batch of " + std::to_string(size));
  std::vector<TensorMap> batches;
  for (std::int64_t first = 0; first < *samples; first += size) {
    const std::int64_t count = std::min(size, *samples - first);
    if (fixed && count < size) break;
    TensorMap& entry = batches.emplace_back();
    for (const auto& [name, tensor] : whole) entry[name] = rows_of(tensor, first, count);
  }
  return batches;
}

std::vector<TensorMap> read_calibration(const std::string& path, const std::vector<TensorInfo>& inputs,
                                        std::int64_t batch) {
  std::error_code error;
  if (!fs::exists(path, error)) reject("calibration " + path, "no such file or folder");
  if (!fs::is_directory(path, error)) return split_batches(read_npz(path), inputs, batch, path);
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error))
    if (entry.path().extension() == ".npz") files.push_back(entry.path().string());
  if (error) reject("calibration " + path, error.message());
  if (files.empty()) reject("calibration " + path, "the folder holds no .npz file", "save the inputs with numpy.savez");
  std::sort(files.begin(), files.end());
  std::vector<TensorMap> batches;
  for (const std::string& file : files)
    for (TensorMap& entry : split_batches(read_npz(file), inputs, batch, file)) batches.push_back(std::move(entry));
  return batches;
}

}  // namespace tessera
