// Post-training static quantization as a graph rewrite: QuantizeLinear/DequantizeLinear pairs around what becomes int8.
#pragma once

#include <string>
#include <vector>

#include "quantize/ranges.hpp"

namespace tessera {

/// Names of the activations of a fused graph whose ranges calibration has to learn.
std::vector<std::string> values_to_observe(const Graph& graph);

/// Puts QuantizeLinear -> DequantizeLinear behind every activation that feeds a convolution, a linear layer or a
/// convolution's residual addition, and replaces their weights by per-channel s8 constants behind DequantizeLinear. A
/// pooling between two quantized values gets its input quantized with its output's parameters, so that it can run on
/// u8. Residuals of linear layers, softmax, LayerNormalization and GELU stay in float.
void insert_qdq(Graph& graph, const RangeObserver& ranges);

}  // namespace tessera
