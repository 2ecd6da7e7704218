// How much memory a node has to touch at least: what a roofline sets its arithmetic against.
#pragma once

#include <cstdint>

#include "graph/graph.hpp"

namespace tessera {

/// Bytes of its inputs, constants and outputs, each once. Float constants count as they are packed: in bf16 where the
/// node multiplies that. Of a table that Gather reads only the rows count that it takes.
std::int64_t least_bytes(const Graph& graph, const Node& node);

}  // namespace tessera
