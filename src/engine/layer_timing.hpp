// How long each layer takes in FP32 and in INT8, on this machine.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/graph_runner.hpp"
#include "quantize/layers.hpp"

namespace tessera {

struct StepTimes {
  std::vector<StepInfo> steps;  ///< seconds: the shortest of several inferences
  double total = 0;
};

struct LayerTimes {
  StepTimes fp32, int8;
  /// Seconds by the layer's name; int8 counts its share of the step that makes integers of its input.
  std::map<std::string, double> fp32_layer, int8_layer;
};

/// Runs both graphs in turns on one item.
LayerTimes time_layers(const Graph& fp32, const Graph& int8, const std::vector<QuantizableLayer>& layers,
                       const TensorMap& item, Isa isa, int threads, WeightStore& weights);

}  // namespace tessera
