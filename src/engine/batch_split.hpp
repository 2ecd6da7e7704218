// How a session goes through a batch: in parts that single threads run from the first step to the last, or all threads
// together step by step (decision 27).
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "cpu/topology.hpp"
#include "engine/bound_graph.hpp"
#include "engine/tuner.hpp"
#include "ops/op.hpp"
#include "run/executor.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// What one item of a batch takes.
struct ItemCost {
  std::size_t widest_bytes = 0;  ///< activations that the widest step reads and writes
  double rows_per_weight = 0;    ///< rows of a product that meet a weight, on average; 0: no weights
};
ItemCost cost_of_item(const Graph& item);

/// The parts of a batch of `items`, each for one of `threads`; `part` 0 where it does not pay.
BatchSplit split_batch(const ItemCost& cost, std::int64_t items, int threads, const Topology& topology);

/// The same for a graph: `batch`, under these bindings. `part` is the same graph for the extents of an item.
BatchSplit split_batch(BoundGraph& part, const Graph& batch, std::span<const Binding> bindings, int threads,
                       const Topology& topology);

/// How plans are made: make_plan() with all but the graph. `division` says who will run the plan.
using MakePlan = std::function<std::shared_ptr<const Plan>(const Graph& bound, Division division)>;

/// The plans of a batch that is gone through in the way of `split`. `part` is the graph of `batch` for other extents.
BatchPlans plan_batch(BoundGraph& part, const Graph& batch, std::span<const Binding> bindings, const BatchSplit& split,
                      const MakePlan& make);

/// The bindings for a batch of another size. The symbol of the batch is that of the first axis of the inputs.
std::vector<Binding> with_items(const Graph& graph, std::span<const Binding> bindings, std::int64_t items);

/// `part` for one item of these extents, until it is used again. Null where there is no such thing: shapes that are
/// constants in the file may fit one batch alone.
const Graph* one_item(BoundGraph& part, std::span<const Binding> bindings);

}  // namespace tessera
