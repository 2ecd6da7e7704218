#include "data/model_inputs.hpp"

#include <charconv>
#include <utility>

namespace tessera {

std::optional<std::int64_t> fixed_extent(const std::string& extent) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(extent.data(), extent.data() + extent.size(), number);
  if (error != std::errc{} || end != extent.data() + extent.size()) return std::nullopt;
  return number;
}

std::optional<ImageInput> image_input_of(const std::vector<TensorInfo>& inputs) {
  if (inputs.size() != 1 || inputs[0].type != DataType::f32 || inputs[0].shape.size() != 4) return std::nullopt;
  const std::optional<std::int64_t> channels = fixed_extent(inputs[0].shape[1]);
  if (channels != 3 && channels != 1) return std::nullopt;
  return ImageInput{inputs[0].name, *channels, fixed_extent(inputs[0].shape[2]), fixed_extent(inputs[0].shape[3])};
}

std::optional<TextInput> text_input_of(const std::vector<TensorInfo>& inputs) {
  TextInput text;
  bool ids = false;
  for (const TensorInfo& input : inputs) {
    if (input.type != DataType::i64 || input.shape.size() != 2) return std::nullopt;
    if (const auto sequence = fixed_extent(input.shape[1])) text.sequence = sequence;
    if (input.name == "input_ids") {
      ids = true;
    } else if (input.name == "attention_mask") {
      text.attention_mask = true;
    } else if (input.name == "token_type_ids") {
      text.token_type_ids = true;
    } else {
      return std::nullopt;
    }
  }
  return ids ? std::optional(text) : std::nullopt;
}

std::map<std::string, std::int64_t> text_extents(const std::vector<TensorInfo>& inputs, std::int64_t length) {
  std::map<std::string, std::int64_t> extents;
  for (const TensorInfo& input : inputs) {
    if (input.shape.size() != 2) continue;
    if (!fixed_extent(input.shape[0])) extents.emplace(input.shape[0], 1);
    if (!fixed_extent(input.shape[1])) extents.emplace(input.shape[1], length);
  }
  return extents;
}

TensorMap text_inputs(PaddedTokens batch, const TextInput& input) {
  TensorMap inputs = {{"input_ids", std::move(batch.ids)}};
  if (input.attention_mask) inputs.emplace("attention_mask", std::move(batch.mask));
  if (input.token_type_ids) inputs.emplace("token_type_ids", std::move(batch.types));
  return inputs;
}

std::optional<std::int64_t> fixed_batch(const std::vector<TensorInfo>& inputs) {
  for (const TensorInfo& input : inputs)
    if (!input.shape.empty())
      if (const auto batch = fixed_extent(input.shape[0])) return batch;
  return std::nullopt;
}

std::string to_string(const std::vector<TensorInfo>& inputs) {
  std::string text;
  for (const TensorInfo& input : inputs) {
    std::string shape;
    for (const std::string& extent : input.shape) shape += (shape.empty() ? "" : ", ") + extent;
    text += (text.empty() ? "" : ", ") + input.name + " " + std::string(name_of(input.type)) + " [" + shape + "]";
  }
  return text;
}

}  // namespace tessera
