#include "passes/match.hpp"

#include <cmath>
#include <numeric>
#include <vector>

namespace tessera::passes {

std::optional<double> scalar(const Graph& graph, ValueId value) {
  if (value == no_value) return std::nullopt;
  const Tensor& constant = graph.value(value).constant;
  if (constant.empty() || constant.type() != DataType::f32 || constant.shape().elements() != 1) return std::nullopt;
  return static_cast<double>(constant.as<float>()[0]);
}

bool is_scalar(const Graph& graph, ValueId value, double expected) {
  const auto number = scalar(graph, value);
  return number && std::abs(*number - expected) <= 1e-6 * std::abs(expected);
}

std::optional<std::vector<std::int64_t>> integers(const Graph& graph, ValueId value) {
  if (value == no_value) return std::nullopt;
  const Value& held = graph.value(value);
  std::vector<std::int64_t> numbers;
  if (held.is_constant()) {
    if (held.constant.type() == DataType::i64) {
      const auto elements = held.constant.as<std::int64_t>();
      return std::vector<std::int64_t>(elements.begin(), elements.end());
    }
    if (held.constant.type() == DataType::s32) {
      const auto elements = held.constant.as<std::int32_t>();
      return std::vector<std::int64_t>(elements.begin(), elements.end());
    }
    return std::nullopt;
  }
  if (!held.extents) return std::nullopt;
  for (const Dim& dim : *held.extents) {
    if (!dim.known()) return std::nullopt;
    numbers.push_back(dim.value());
  }
  return numbers;
}

bool is_weight(const Rewriter& rewriter, ValueId value) {
  if (value == no_value) return false;
  if (rewriter.graph().value(value).is_constant()) return true;
  const Node* dequantize = rewriter.producer(value, "DequantizeLinear");
  return dequantize != nullptr && rewriter.graph().value(dequantize->inputs.front()).is_constant();
}

Operands pick_scalar(const Graph& graph, const Node& node, double expected) {
  return pick(node, [&](ValueId id) { return is_scalar(graph, id, expected); });
}

bool is_last_axis(const Graph& graph, ValueId value, std::int64_t axis) {
  if (axis == -1) return true;
  const SymbolicShape& shape = graph.value(value).shape;
  return shape.ranked && axis >= 0 && static_cast<std::size_t>(axis) + 1 == shape.rank();
}

bool reduces_last_axis(const Graph& graph, const Node& reduce) {
  if (reduce.attribute_or("keepdims", std::int64_t{1}) != 1) return false;
  auto axes = reduce.attribute_or("axes", std::vector<std::int64_t>{});
  if (reduce.has_input(1)) axes = integers(graph, reduce.inputs[1]).value_or(std::vector<std::int64_t>{});
  return axes.size() == 1 && is_last_axis(graph, reduce.inputs[0], axes.front());
}

std::optional<std::int64_t> last_extent(const Graph& graph, ValueId value) {
  const SymbolicShape& shape = graph.value(value).shape;
  if (!shape.ranked || shape.rank() == 0 || !shape.dims.back().known()) return std::nullopt;
  return shape.dims.back().value();
}

bool same_shape(const Graph& graph, ValueId a, ValueId b) {
  const SymbolicShape& left = graph.value(a).shape;
  const SymbolicShape& right = graph.value(b).shape;
  return left.ranked && right.ranked && left.dims == right.dims;
}

std::vector<std::int64_t> permutation(const Graph& graph, const Node& transpose) {
  auto perm = transpose.attribute_or("perm", std::vector<std::int64_t>{});
  const SymbolicShape& shape = graph.value(transpose.inputs.front()).shape;
  if (perm.empty() && shape.ranked) {
    perm.resize(shape.rank());
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  return perm;
}

bool is_matrix_transpose(const Graph& graph, const Node& transpose) {
  return permutation(graph, transpose) == std::vector<std::int64_t>{1, 0};
}

std::optional<std::size_t> gated_image(const Graph& graph, const Node& node) {
  if (node.op != "Mul" || node.inputs.size() != 2) return std::nullopt;
  const SymbolicShape& y = graph.value(node.outputs[0]).shape;
  for (const std::size_t side : {0U, 1U}) {
    const SymbolicShape& gate = graph.value(node.inputs[1 - side]).shape;
    const bool real = graph.value(node.inputs[side]).type == DataType::f32;
    if (!real || !same_shape(graph, node.inputs[side], node.outputs[0]) || !y.ranked || y.rank() != 4) continue;
    if (!gate.ranked || gate.rank() != 4 || !(gate.dims[0] == y.dims[0] || gate.dims[0] == Dim(1))) continue;
    if (gate.dims[1] == y.dims[1] && gate.dims[2] == Dim(1) && gate.dims[3] == Dim(1)) return side;
  }
  return std::nullopt;
}

Operands pick_vector(const Graph& graph, const Node& node) {
  const auto extent = last_extent(graph, node.outputs[0]);
  return pick(node, [&](ValueId id) {
    const Tensor& tensor = graph.value(id).constant;
    return !tensor.empty() && extent && tensor.shape().rank() == 1 && tensor.shape()[0] == *extent;
  });
}

}  // namespace tessera::passes
