// Whether the items of a batch can be run apart from each other: every item of every output then depends on the same
// item of the inputs only, and lies behind the items before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "graph/graph.hpp"

namespace tessera {

/// `item` and `batch` are one graph, its shapes bound to a batch of one and of `items`. Why the batch has to stay
/// together, naming the node; empty: it may be cut into parts of any size.
std::optional<std::string> why_not_by_item(const Graph& item, const Graph& batch, std::int64_t items);

}  // namespace tessera
