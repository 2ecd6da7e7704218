// The activation that a fused op applies to its sum: attribute `activation`, with the numbers that some of them have in
// `activation_first` and `activation_second`.
//
//   none, relu, tanh, sigmoid
//   gelu           the form with erf
//   gelu_tanh      its approximation with tanh
//   clip           to first..second
//   hard_sigmoid   clip(first * x + second, 0, 1)
//   swish          x * sigmoid(first * x)
//   hard_swish     x * clip(x / 6 + 1/2, 0, 1)
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "graph/graph.hpp"
#include "ops/op.hpp"

namespace tessera {

/// All words, none first.
std::span<const std::string_view> fused_activations() noexcept;
/// Error{invalid} naming the node for an unknown word.
void expect_fused_activation(const Node& node);
/// y = activation(y)
void apply_fused_activation(const Node& node, const TensorView& y);

/// The op that computes the activation of a fused node by itself, with its attributes; op is empty for none. clip has
/// its bounds as attributes.
struct ActivationOp {
  std::string op;
  Attributes attributes;
};
ActivationOp activation_op(const Node& fused);
/// The way back: the attributes with which a fused op computes what `node` computes of one float tensor. Nothing for
/// other nodes, and for a Clip whose bounds are no constants.
std::optional<Attributes> fused_form(const Graph& graph, const Node& node);

}  // namespace tessera
