// What the time of a layer depends on, as text: op, types, extents and attributes, but neither names nor numbers that
// only the results depend on.
#pragma once

#include <string>

#include "graph/graph.hpp"

namespace tessera {

/// "FusedConv f32[1,64,56,56] f32[64,64,3,3] f32[64] -> f32[1,64,56,56] activation=relu pads=[1, 1, 1, 1] ..."; of a
/// graph whose shapes are concrete.
std::string layer_name(const Graph& graph, const Node& node);

}  // namespace tessera
