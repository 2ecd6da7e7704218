// Reading QuantizeLinear and DequantizeLinear nodes.
#pragma once

#include <optional>

#include "graph/graph.hpp"

namespace tessera::passes {

/// What a QuantizeLinear or DequantizeLinear with constant scale and zero point says; nothing when they are computed.
/// The axis is counted from the front when the rank of its input is known.
std::optional<Quantization> quantization_of(const Graph& graph, const Node& node);

/// Whether all zero points are 0.
bool is_symmetric(const Quantization& quantization);

}  // namespace tessera::passes
