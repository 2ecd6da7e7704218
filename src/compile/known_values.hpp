// What a plan need not compute: values that depend on nothing but constants and shapes, all of which are numbers by
// then. Position ids, rotary tables and masks of one length are such values.
#pragma once

#include <cstddef>
#include <vector>

#include "graph/graph.hpp"

namespace tessera {

/// Belongs to one graph, whatever its extents: what is new for each of them is values, and hardly ever other nodes.
class KnownValues {
 public:
  /// The graph with such values as constants, without the nodes that computed them; `bound` itself where there are
  /// none. Graph outputs stay computed, and so do values that are large, or rows of a table, which lies in a file.
  /// Holds until the next call, or as long as `bound`.
  const Graph& in(const Graph& bound);
  /// Of the values that were found last: a plan keeps those that its steps read.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  void drop_nodes(const Graph& bound, std::vector<std::size_t> needless);

  Graph graph_;
  std::size_t bytes_ = 0;
  std::vector<std::size_t> needless_;  ///< nodes of the source that graph_ does not have
};

}  // namespace tessera
