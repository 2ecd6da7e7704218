// Depth-first: a product and the depthwise convolution behind it as one step that goes through both a few rows at a
// time.
#pragma once

#include "compile/layout/builder.hpp"
#include "graph/graph.hpp"

namespace tessera {

/// Joins the step of `node`, which was emitted last, with the one before it, where
///   - the first is a direct product and the second a depthwise convolution of its result,
///   - nobody else reads that result, and
///   - it is larger than the L2 of a core, of which a band of it fits a half.
/// The bits are those of the two steps.
void join_depth_first(Builder& builder, const Node& node);

}  // namespace tessera
