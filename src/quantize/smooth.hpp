// SmoothQuant (Xiao et al., 2023): a channel of an activation that is far larger than the others forces a coarse step
// on all of them. It is divided by s_j and the weights that read it are multiplied by s_j; the layer computes the same.
#pragma once

#include <string>
#include <vector>

#include "quantize/layers.hpp"
#include "quantize/ranges.hpp"

namespace tessera {

/// Smooths, in the standard graph, what linear layers read:
///   - behind a LayerNormalization, whose scale and bias take 1/s in. Where others read its result too (the residual
///     addition of a transformer), they keep the old one and a second LayerNormalization makes the smoothed one;
///   - behind attention, where the projection of V takes 1/s in.
/// s_j = max|X_j|^alpha / max|W_j|^(1-alpha), rounded to a power of two: the graph then computes the very same floats.
/// Returns the number of activations that were smoothed.
int smooth(QuantizableModel& model, const RangeObserver& statistics, double alpha);

}  // namespace tessera
