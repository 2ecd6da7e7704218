// Calibration: run the float model on data and see its activations.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/model_impl.hpp"
#include "quantize/layers.hpp"
#include "quantize/ranges.hpp"

namespace tessera {

/// For statistics of channels alone: the cheapest ranges.
inline constexpr CalibrationOptions statistics_only{.method = CalibrationMethod::minmax};

/// Told how many items are done.
using CalibrationProgress = std::function<void(std::int64_t done)>;

/// Runs the fused graph of `model` (whose values have the names of `layers`) on every item and observes what the layers
/// read. One item is held at a time.
RangeObserver observe_activations(const Graph& fused, const std::vector<QuantizableLayer>& layers,
                                  const ItemSource& items, const CalibrationOptions& options, int threads,
                                  WeightStore& weights, const CalibrationProgress& progress = {});

/// Whether the graph holds QuantizeLinear or DequantizeLinear nodes, or values cast to bf16: it says itself what is
/// computed how, so calibration leaves it alone.
bool is_quantized(const Graph& graph);

}  // namespace tessera
