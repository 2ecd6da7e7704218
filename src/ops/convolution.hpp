// The 2-D convolution behind Conv and FusedConv.
#pragma once

#include <vector>

#include "ops/op.hpp"

namespace tessera {

/// Whether the node is a convolution, as exported or as passes fused it.
bool is_convolution(const Node& node);
/// The attributes that describe a convolution.
std::vector<AttributeSpec> convolution_attributes();
/// Checks the shapes of inputs X, W, [B] and the attributes, and returns the shape of the output.
SymbolicShape convolution_shape(const Graph& graph, const Node& node);
/// y = x * w, without bias.
void convolve(const Node& node, const TensorView& x, const TensorView& w, const TensorView& y);

}  // namespace tessera
