// What activation a node asks for, as kernels take it.
#pragma once

#include <optional>

#include "graph/graph.hpp"
#include "kernels/types.hpp"

namespace tessera {

struct ActivationCall {
  Activation activation = Activation::none;
  ActivationParameters parameters;
};

/// Attribute `activation` of a fused op. Error{invalid} naming the node for an unknown word.
ActivationCall fused_activation(const Node& node);

/// The activation that a node of its own is (Relu, Clip with constant bounds, ...); nothing for other nodes.
std::optional<ActivationCall> activation_of_node(const Graph& graph, const Node& node);

/// Whether rounding to u8 cuts off all that the activation would: it is one of bounds which hold all that C can.
bool is_cut_by_u8(const ActivationCall& call, const Requantize& c);

}  // namespace tessera
