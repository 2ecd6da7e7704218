// Bias correction: rounding weights shifts the mean of a layer's output; the bias can take the shift back.
#pragma once

#include <vector>

#include "quantize/ranges.hpp"
#include "quantize/weights.hpp"

namespace tessera {

/// What to add to the bias of each output channel: the sum over inputs of (w - quantized w) x mean of the input.
/// `group`: of a convolution. Zeros when the statistics do not fit the weights.
std::vector<double> bias_correction(const Tensor& weights, const QuantizedWeights& quantized,
                                    const ChannelStatistics& x, std::int64_t group);

}  // namespace tessera
