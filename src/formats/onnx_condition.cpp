#include "formats/onnx_condition.hpp"

#include <algorithm>
#include <vector>

#include "core/error.hpp"
#include "formats/onnx_one_dimensional.hpp"
#include "formats/onnx_qoperator.hpp"
#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

/// Of a tensor that a condition is computed from: shapes and their like.
constexpr std::int64_t most_elements = 4096;

/// The nodes that `value` is computed by, in their order.
std::vector<std::size_t> ancestors(const Graph& graph, ValueId value) {
  std::vector<bool> wanted(graph.values.size(), false);
  wanted[static_cast<std::size_t>(value)] = true;
  std::vector<std::size_t> found;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const auto is_wanted = [&](ValueId id) { return id != no_value && wanted[static_cast<std::size_t>(id)]; };
    if (!std::ranges::any_of(node.outputs, is_wanted)) continue;
    found.push_back(i);
    for (const ValueId id : node.inputs)
      if (id != no_value) wanted[static_cast<std::size_t>(id)] = true;
  }
  std::ranges::reverse(found);
  return found;
}

/// Integers that shape inference already knows, as a constant.
void keep_extents(Graph& graph, ValueId id) {
  Value& value = graph.value(id);
  const auto numbers = value.type == DataType::i64 && value.shape.concrete() ? integers_of(graph, id) : std::nullopt;
  if (numbers) value.constant = Tensor::from<std::int64_t>(value.shape.to_shape(), *numbers);
}

/// Makes the outputs of a node constants if its inputs are.
void fold(Graph& graph, const Node& node) {
  const OpSchema* schema = find_op(node.op);
  std::vector<Tensor> inputs;
  for (const ValueId id : node.inputs) {
    if (id != no_value && !graph.value(id).is_constant()) return;
    inputs.push_back(id == no_value ? Tensor() : graph.value(id).constant);
  }
  for (const ValueId id : node.outputs)
    if (id == no_value || !graph.value(id).shape.concrete() ||
        graph.value(id).shape.to_shape().elements() > most_elements)
      return;
  if (schema == nullptr || schema->evaluate == nullptr) return;
  std::vector<Tensor> results = evaluate_node(graph, node, inputs);
  for (std::size_t i = 0; i < results.size(); ++i) graph.value(node.outputs[i]).constant = std::move(results[i]);
}

}  // namespace

std::optional<bool> known_condition(Graph graph, ValueId condition) {
  try {
    expand_qoperators(graph);
    expand_one_dimensional(graph);
    infer_shapes(graph);
    for (const std::size_t i : ancestors(graph, condition)) {
      const Node& node = graph.nodes[i];
      for (const ValueId id : node.outputs)
        if (id != no_value) keep_extents(graph, id);
      if (!graph.value(node.outputs[0]).is_constant()) fold(graph, node);
    }
  } catch (const Error&) {
    return std::nullopt;  // of a graph that is refused anyway, once it is whole
  }
  const auto known = integers_of(graph, condition);
  if (!known || known->size() != 1) return std::nullopt;
  return known->front() != 0;
}

}  // namespace tessera
