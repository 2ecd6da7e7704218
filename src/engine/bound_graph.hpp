// BoundGraph: one graph under one set of extents after the other.
#pragma once

#include <span>

#include "graph/graph.hpp"
#include "ops/op.hpp"

namespace tessera {

/// Binding anew copies no node, and values into memory that is there already: a new length costs a plan, not two copies
/// of the graph beside it.
class BoundGraph {
 public:
  /// The shapes of `symbolic`, which outlives this, are symbolic.
  explicit BoundGraph(const Graph& symbolic) : symbolic_(symbolic), bound_(symbolic) {}

  [[nodiscard]] const Graph& symbolic() const noexcept { return symbolic_; }
  /// The graph with these extents; holds until the next call. Error{invalid} naming the node or input that has none
  /// such.
  const Graph& with(std::span<const Binding> bindings) {
    bound_.values = symbolic_.values;
    bind_shapes(bound_, bindings);
    return bound_;
  }

 private:
  const Graph& symbolic_;
  Graph bound_;
};

}  // namespace tessera
