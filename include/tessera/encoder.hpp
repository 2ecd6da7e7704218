// Encoder: texts to embeddings, with the tokenizer, the pooling and the normalisation that a model's folder describes.
//
//     auto encoder    = tessera::Encoder("all-MiniLM-L6-v2");
//     auto embeddings = encoder.encode({"a text", "another"});   // f32 [2, 384]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tessera/export.h"
#include "tessera/tessera.hpp"

namespace tessera {

struct EncoderOptions {
  /// Precision, instruction set, threads. `calibration` is made from `calibration_texts` where those are given.
  SessionOptions session = {};
  /// Texts like those to come, from which an int8 session of a model that is not quantized yet learns the ranges of its
  /// activations; a hundred are plenty. Empty: seeded synthetic tokens, which cost accuracy.
  std::vector<std::string> calibration_texts = {};
};

struct EncodeOptions {
  std::int64_t batch_size = 32;  ///< texts that are computed together
  bool normalize = true;         ///< to length 1; a folder that asks for this gets it anyway
};

class TESSERA_API Encoder {
 public:
  /// A folder as Hugging Face and sentence-transformers lay it out: config.json with model.safetensors or a model.onnx;
  /// tokenizer.json or vocab.txt; and, where it is there, modules.json, which says how tokens become one embedding
  /// (cls, max, mean, mean_sqrt_len_tokens, then linear layers). Without it the mean of the tokens is taken. `model`
  /// may also be the .onnx file in such a folder. Error{invalid} naming the file that is missing or not understood.
  explicit Encoder(const std::string& model, const EncoderOptions& options = {});
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  /// f32 [texts, hidden()], in the order of the texts. Long texts are cut to max_tokens(). Texts of like length are
  /// computed together; neither their company nor the padding changes an embedding by more than rounding does. May be
  /// called by any number of threads at once. Error{invalid} naming a text that is not UTF-8.
  [[nodiscard]] Tensor encode(const std::vector<std::string>& texts, const EncodeOptions& options = {}) const;

  [[nodiscard]] std::int64_t hidden() const noexcept;      ///< elements of an embedding
  [[nodiscard]] std::int64_t max_tokens() const noexcept;  ///< of a text, with those that stand around it

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
