#include "data/array_check.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.hpp"
#include "data/model_inputs.hpp"

namespace tessera {
namespace {

std::string names_in(const std::map<std::string, Tensor>& arrays) {
  std::string names;
  for (const auto& [name, tensor] : arrays) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "nothing" : names;
}

constexpr std::array<std::string_view, 2> label_names = {"labels", "label"};

/// The first axis counts samples, so only the others must be the model's.
bool fits(const Tensor& array, const TensorInfo& input) {
  const bool type = array.type() == input.type || (array.type() == DataType::s32 && input.type == DataType::i64);
  if (!type || array.shape().rank() != input.shape.size()) return false;
  for (std::size_t axis = 1; axis < input.shape.size(); ++axis) {
    const std::int64_t extent = array.shape()[axis];
    if (extent == 0 || extent != fixed_extent(input.shape[axis]).value_or(extent)) return false;
  }
  return true;
}

}  // namespace

std::int64_t check_arrays(const std::map<std::string, Tensor>& arrays, const std::vector<TensorInfo>& inputs,
                          const std::string& origin) {
  std::optional<std::int64_t> samples;
  for (const TensorInfo& input : inputs) {
    const auto found = arrays.find(input.name);
    if (found == arrays.end())
      reject(origin, "has no array '" + input.name + "' (it holds " + names_in(arrays) + ")",
             "name the arrays as the model names its inputs: " + to_string(inputs));
    const Tensor& array = found->second;
    if (array.shape().rank() == 0) reject(origin, "array '" + input.name + "' has no axis of samples");
    if (!fits(array, input))
      reject(origin,
             "array '" + input.name + "' is " + std::string(name_of(array.type())) + " " + to_string(array.shape()),
             "the model takes " + to_string({input}) + ", first axis samples");
    if (samples && *samples != array.shape()[0])
      reject(origin, "arrays differ in their number of samples (" + std::to_string(*samples) + " and " +
                         std::to_string(array.shape()[0]) + " in '" + input.name + "')");
    samples = array.shape()[0];
  }
  if (samples.value_or(0) == 0) reject(origin, "holds no samples", "save at least one");
  return *samples;
}

bool is_label_name(const std::string& name) noexcept {
  return std::ranges::find(label_names, name) != label_names.end();
}

std::optional<std::vector<std::int64_t>> labels_in(const std::map<std::string, Tensor>& arrays,
                                                   const std::vector<TensorInfo>& inputs, std::int64_t samples,
                                                   const std::string& origin) {
  for (const std::string_view label : label_names) {
    const std::string name(label);
    const auto found = arrays.find(name);
    const bool is_input =
        std::any_of(inputs.begin(), inputs.end(), [&](const TensorInfo& input) { return input.name == name; });
    if (found == arrays.end() || is_input) continue;
    const Tensor& array = found->second;
    if (array.shape().rank() != 1 || array.shape()[0] != samples ||
        (array.type() != DataType::i64 && array.type() != DataType::s32 && array.type() != DataType::u8))
      reject(origin,
             "array '" + name + "' is " + std::string(name_of(array.type())) + " " + to_string(array.shape()) +
                 ", not one class for each of " + std::to_string(samples) + " samples",
             "save the indices of the classes as int64, or leave the array out");
    if (array.type() == DataType::i64)
      return std::vector(array.as<std::int64_t>().begin(), array.as<std::int64_t>().end());
    if (array.type() == DataType::s32)
      return std::vector<std::int64_t>(array.as<std::int32_t>().begin(), array.as<std::int32_t>().end());
    return std::vector<std::int64_t>(array.as<std::uint8_t>().begin(), array.as<std::uint8_t>().end());
  }
  return std::nullopt;
}

}  // namespace tessera
