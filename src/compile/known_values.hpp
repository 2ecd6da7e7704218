// What a plan need not compute: values that depend on nothing but constants and shapes, all of which are numbers by
// then. Position ids, rotary tables and masks of one length are such values.
#pragma once

#include "graph/graph.hpp"

namespace tessera {

/// The graph with such values as constants, without the nodes that computed them. Graph outputs stay computed, and so
/// do values that are large, or rows of a table, which lies in a file.
Graph with_known_values(Graph graph);

}  // namespace tessera
