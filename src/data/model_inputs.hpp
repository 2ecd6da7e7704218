// What a model takes, as the data sets see it: an image, token ids, or arrays of any kind.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tessera/tessera.hpp"
#include "text/padded_tokens.hpp"

namespace tessera {

/// An extent that is a number, not a symbol.
std::optional<std::int64_t> fixed_extent(const std::string& extent);

/// The one input of an image model: f32 [batch, channels, height, width].
struct ImageInput {
  std::string name;
  std::int64_t channels = 3;                  ///< 3 or 1
  std::optional<std::int64_t> height, width;  ///< where the model fixes them
};
std::optional<ImageInput> image_input_of(const std::vector<TensorInfo>& inputs);

/// The inputs of a BERT model, i64 [batch, sequence] each: input_ids and, where it has them, attention_mask and
/// token_type_ids.
struct TextInput {
  bool attention_mask = false, token_type_ids = false;
  std::optional<std::int64_t> sequence;  ///< where the model fixes it
};
std::optional<TextInput> text_input_of(const std::vector<TensorInfo>& inputs);
/// What a session of a text model is compiled for: one text of `length` tokens; what the model fixes is left out.
std::map<std::string, std::int64_t> text_extents(const std::vector<TensorInfo>& inputs, std::int64_t length);
/// The tensors that the model has inputs for, by their names.
TensorMap text_inputs(PaddedTokens batch, const TextInput& input);

/// The batch that the model fixes, if any.
std::optional<std::int64_t> fixed_batch(const std::vector<TensorInfo>& inputs);

/// "input_ids i64 [batch, sequence], ..." for messages.
std::string to_string(const std::vector<TensorInfo>& inputs);

}  // namespace tessera
