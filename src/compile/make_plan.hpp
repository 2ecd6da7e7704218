// make_plan: from a graph to everything about running it that can be decided before the first input arrives.
#pragma once

#include <memory>

#include "compile/layout/weight_store.hpp"
#include "graph/graph.hpp"
#include "run/plan.hpp"
#include "tessera/isa.hpp"

namespace tessera {

class Chooser;
struct PlanFamily;

/// Builds the plan of a graph whose shapes are all concrete. `weights` is shared between the plans of a model; what is
/// not packed yet is packed on that many threads. `chooser` decides where a layer can be computed in several ways;
/// null: the rules of the plan do. `family` is shared between the plans of one graph for different extents; null:
/// there are no others. Error{invalid} naming the node that cannot be run.
std::shared_ptr<const Plan> make_plan(const Graph& graph, Isa isa, WeightStore& weights, int threads = 1,
                                      Chooser* chooser = nullptr, PlanFamily* family = nullptr);

}  // namespace tessera
