// Calibration: the one way from a float model to an INT8 graph. Sessions of int8 and Model::quantize both take it, so
// that a session of a float model and one of the file that `tessera quantize` wrote of it run the same plan.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compile/layout/weight_store.hpp"
#include "quantize/insert_qdq.hpp"
#include "quantize/layers.hpp"
#include "quantize/ranges.hpp"
#include "tessera/quantization.hpp"

namespace tessera {

/// What calibration runs a float model on, and by what.
struct CalibrationRun {
  const ItemSource& items;
  int threads;
  WeightStore& weights;  ///< takes the packed weights of the float model
  /// Called as work proceeds: "calibrating", 12 of 200. May be empty.
  std::function<void(std::string_view activity, std::int64_t done, std::int64_t total)> progress = {};
};

/// Runs the fused graph of a model (whose values have the names of `layers`) on every item and observes what the layers
/// read. One item is held at a time.
RangeObserver observe_activations(const Graph& fused, const std::vector<QuantizableLayer>& layers,
                                  const CalibrationOptions& how, const CalibrationRun& run,
                                  std::string_view activity = "calibrating");

/// The layers of a float model and the ranges of their activations: what all its INT8 forms are made from.
struct CalibratedModel {
  QuantizableModel parts;
  RangeObserver ranges;
  CalibrationOptions how;

  /// The graph in standard ops with QuantizeLinear and DequantizeLinear around all layers but `float_layers`.
  [[nodiscard]] Graph int8_graph(QuantizedWeightStore& integers, std::set<std::string> float_layers = {}) const;
};

/// The largest magnitudes of all channels, from which smoothing follows whatever its alpha.
RangeObserver observe_channels(const Graph& fused, const std::vector<QuantizableLayer>& layers,
                               const CalibrationRun& run);

/// Smooths the model if `how` says so, then observes ranges.
///   fused     what runs as long as nothing is smoothed; null: `parts.fused`. A caller names another graph whose
///   weights
///             are packed already, with values of the same names.
///   channels  what observe_channels() saw on these or on other items; null: it is asked where smoothing is.
CalibratedModel calibrate(QuantizableModel parts, const CalibrationOptions& how, const CalibrationRun& run,
                          const Graph* fused = nullptr, const RangeObserver* channels = nullptr);

}  // namespace tessera
