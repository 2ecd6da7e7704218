// What sentence-transformers does with the tokens of an encoder: pooling, linear layers, normalisation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {

enum class Pooling : std::uint8_t { cls, max, mean, mean_sqrt_len };

/// A linear layer on the pooled embedding.
struct DenseModule {
  Tensor weight;  ///< f32 [outputs, inputs]
  Tensor bias;    ///< f32 [outputs]; empty: none
  bool tanh = false;
};

struct SentenceModules {
  std::string encoder;                          ///< folder of the network and its tokenizer
  std::vector<Pooling> pooling{Pooling::mean};  ///< several are put side by side
  std::vector<DenseModule> dense;
  bool normalize = false;
  bool lower_case = false;  ///< of the text, whatever the tokenizer does
  std::string prompt;       ///< put before every text
};

/// What modules.json in `folder` and the files it names say; the mean of the tokens where there is none. Error{invalid}
/// naming the module that is not known.
SentenceModules read_sentence_modules(const std::string& folder);

/// tokens f32 [texts, length, hidden] and mask i64 [texts, length] to one row per text: the elements of an embedding
/// each.
std::vector<std::vector<float>> pooled(const SentenceModules& modules, const Tensor& tokens, const Tensor& mask);

}  // namespace tessera
