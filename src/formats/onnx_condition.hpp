// Which branch an If takes, where that does not depend on what the model reads.
#pragma once

#include <optional>

#include "graph/graph.hpp"

namespace tessera {

/// The truth value of `condition`, which `graph`, read so far, computes from constants and from the shapes of its
/// inputs; nothing where it depends on their elements, or on extents that are still symbols.
std::optional<bool> known_condition(Graph graph, ValueId condition);

}  // namespace tessera
