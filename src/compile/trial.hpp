// A layer on its own, for a stopwatch: a plan that leaves the caches as the rest of a model would, and then runs the
// layer.
#pragma once

#include <memory>

#include "compile/choose/chooser.hpp"
#include "compile/make_plan.hpp"
#include "core/memory.hpp"

namespace tessera {

struct Trial {
  const Graph& graph;  ///< with concrete shapes
  const Node& node;
  Isa isa = Isa::avx2;
  int threads = 1;  ///< that pack the weights
  /// What the rest of the model reads between two runs of the layer.
  std::shared_ptr<const AlignedBuffer> others;
};

/// The first step reads the others and writes what the node reads; those that follow are the node's. No ports. The
/// plan's weights belong to `weights`.
std::shared_ptr<const Plan> make_trial(const Trial& trial, Chooser& chooser, WeightStore& weights);

}  // namespace tessera
