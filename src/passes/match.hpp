// Small questions that the patterns of several passes ask.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {

/// The number in a one-element f32 constant of any rank.
std::optional<double> scalar(const Graph& graph, ValueId value);
/// Whether `value` is such a constant equal to `expected` within 1e-6 of it: exporters round sqrt(2) and its like to
/// f32.
bool is_scalar(const Graph& graph, ValueId value, double expected);
/// The elements of a constant i64 or s32 tensor, or of a value whose extents are all known numbers.
std::optional<std::vector<std::int64_t>> integers(const Graph& graph, ValueId value);

/// A constant, or the DequantizeLinear of one: what an exporter or quantizer leaves as the weight of a layer.
bool is_weight(const Rewriter& rewriter, ValueId value);

/// For a commutative binary node: the operand that satisfies `wanted`, with the other one.
struct Operands {
  ValueId match = no_value;
  ValueId other = no_value;
  explicit operator bool() const noexcept { return match != no_value; }
};
template <typename Predicate>
Operands pick(const Node& node, const Predicate& wanted) {
  if (node.inputs.size() != 2) return {};
  if (wanted(node.inputs[0])) return {node.inputs[0], node.inputs[1]};
  if (wanted(node.inputs[1])) return {node.inputs[1], node.inputs[0]};
  return {};
}
/// The same for the operand that is the scalar `expected`.
Operands pick_scalar(const Graph& graph, const Node& node, double expected);

/// The operand of a Mul or Add that is a constant vector as long as the last axis.
Operands pick_vector(const Graph& graph, const Node& node);

/// Whether `axis` (which may count from the back) is the last one of `value`.
bool is_last_axis(const Graph& graph, ValueId value, std::int64_t axis);
/// Whether a Reduce op goes over the last axis alone and keeps it. The axes are an attribute up to operator set 17 and
/// an input from 18 on.
bool reduces_last_axis(const Graph& graph, const Node& reduce);
/// The last extent when it is a known number.
std::optional<std::int64_t> last_extent(const Graph& graph, ValueId value);
/// Whether both have the same rank and the same extents, none of them unknown.
bool same_shape(const Graph& graph, ValueId a, ValueId b);
/// Attribute perm of a Transpose, made explicit; empty when the rank is unknown.
std::vector<std::int64_t> permutation(const Graph& graph, const Node& transpose);
/// A permutation of 2-D matrices: [1, 0].
bool is_matrix_transpose(const Graph& graph, const Node& transpose);

/// A Mul of an image [N, C, H, W] by one number for each of its channels, [N, C, 1, 1] or [1, C, 1, 1], as
/// squeeze-and-excite has it: which input is the image. Nothing for other nodes.
std::optional<std::size_t> gated_image(const Graph& graph, const Node& node);

}  // namespace tessera::passes
