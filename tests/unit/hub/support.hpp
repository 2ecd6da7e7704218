// What the tests of model folders share: weights that are remembered by name, their file, and a tiny BERT.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "models/bert.hpp"
#include "unit/formats/support.hpp"

namespace tessera::hub_testing {

/// Random weights, all of which are remembered by name: what a training would have left behind.
class RecordedWeights final : public WeightSource {
 public:
  Tensor tensor(const std::string& name, const Shape& shape, const Initial& initial) override {
    Initial spread = initial;
    if (name.ends_with("running_var")) spread = {0.1F, 1.0F};
    spread.on_demand = false;
    return tensors.emplace(name, seeded_.tensor(name, shape, spread)).first->second;
  }
  [[nodiscard]] bool trained() const noexcept override { return true; }

  std::map<std::string, Tensor> tensors;

 private:
  SeededWeights seeded_{7};
};

inline std::string shape_text(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape.dims()) text += (text.empty() ? "" : ",") + std::to_string(extent);
  return "[" + text + "]";
}

inline void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors) {
  std::string header, elements;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t begin = elements.size();
    elements.append(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
    header += (header.empty() ? "{\"" : ",\"") + name + R"(":{"dtype":"F32","shape":)" + shape_text(tensor.shape()) +
              ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(elements.size()) + "]}";
  }
  header += "}";
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> 8 * i);
  formats_testing::write_bytes(path, bytes + header + elements);
}

inline BertConfig tiny() {
  BertConfig config;
  config.layers = 2;
  config.heads = 2;
  config.hidden = 16;
  config.intermediate = 24;
  config.vocabulary = 50;
  config.positions = 20;
  return config;
}

inline const std::string tiny_sizes =
    R"("hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "vocab_size": 50, "max_position_embeddings": 20, "layer_norm_eps": 1e-12)";

}  // namespace tessera::hub_testing
