// How a session goes through a batch: in parts that single threads run from the first step to the last, or all threads
// together step by step (decision 27).
#pragma once

#include <span>

#include "cpu/topology.hpp"
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

/// The same for a graph whose shapes are symbolic. `batch` is the graph with its shapes bound.
BatchSplit split_batch(const Graph& graph, const Graph& batch, std::span<const Binding> bindings, int threads,
                       const Topology& topology);

/// The plans of a batch that is gone through in the way of `split`; `tuner`, if there is one, decides about layers.
BatchPlans plan_batch(const Graph& graph, const Graph& batch, std::span<const Binding> bindings,
                      const BatchSplit& split, Isa isa, int threads, WeightStore& weights, Tuner* tuner = nullptr);

/// The bindings for a batch of another size. The symbol of the batch is that of the first axis of the inputs.
std::vector<Binding> with_items(const Graph& graph, std::span<const Binding> bindings, std::int64_t items);

}  // namespace tessera
