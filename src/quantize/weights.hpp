// Weights as s8: symmetric, one scale per output channel.
#pragma once

#include "graph/graph.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// Symmetric s8 parameters per slice of `axis`: scale = max|w| / 127, zero point 0; and the rounded weights.
struct QuantizedWeights {
  Tensor values;
  Quantization quantization;
};
QuantizedWeights quantize_weights(const Tensor& weights, int axis);

}  // namespace tessera
