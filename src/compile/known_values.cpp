#include "compile/known_values.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

/// Of all that a node reads and makes: weights are looked at elsewhere.
constexpr std::size_t most_bytes = std::size_t{1} << 20;

bool is_plain(const Value& value) {
  const bool number = value.type == DataType::f32 || value.type == DataType::i64 || value.type == DataType::s32 ||
                      value.type == DataType::boolean;
  return number && !value.quantization;
}

/// Integers that shape inference knows.
std::optional<Tensor> known_extents(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  if (value.type != DataType::i64) return std::nullopt;
  const auto numbers = integers_of(graph, id);
  const Shape shape = value.shape.to_shape();
  if (!numbers || static_cast<std::int64_t>(numbers->size()) != shape.elements()) return std::nullopt;
  return Tensor::from<std::int64_t>(shape, *numbers);
}

std::optional<std::vector<Tensor>> constant_inputs(const Graph& graph, const Node& node, std::size_t& bytes) {
  std::vector<Tensor> inputs;
  for (const ValueId id : node.inputs) {
    if (id != no_value && (!graph.value(id).is_constant() || !is_plain(graph.value(id)))) return std::nullopt;
    inputs.push_back(id == no_value ? Tensor() : graph.value(id).constant);
    if (id != no_value) bytes += inputs.back().bytes();
  }
  return inputs;
}

/// Rows of a table are read from its file when they are asked for.
bool looks_up(const Graph& graph, const Node& node) {
  return node.op == "Gather" && graph.value(node.inputs[0]).type == DataType::f32;
}

/// What the node puts out, if that is known and small.
std::optional<std::vector<Tensor>> results_of(const Graph& graph, const Node& node) {
  if (node.outputs.size() == 1)
    if (auto extents = known_extents(graph, node.outputs[0])) return std::vector{*std::move(extents)};
  const OpSchema* schema = find_op(node.op);
  if (schema == nullptr || schema->evaluate == nullptr || schema->since == 0 || looks_up(graph, node))
    return std::nullopt;
  std::size_t bytes = 0;
  const auto inputs = constant_inputs(graph, node, bytes);
  if (!inputs) return std::nullopt;
  for (const ValueId id : node.outputs) {
    if (!is_plain(graph.value(id))) return std::nullopt;
    bytes += static_cast<std::size_t>(graph.value(id).shape.to_shape().elements()) * size_of(graph.value(id).type);
  }
  if (bytes > most_bytes) return std::nullopt;
  return evaluate_node(graph, node, *inputs);
}

}  // namespace

const Graph& KnownValues::in(const Graph& bound) {
  const auto is_output = [&](ValueId id) {
    return id == no_value || std::ranges::find(bound.outputs, id) != bound.outputs.end();
  };
  std::vector<std::size_t> needless;
  bytes_ = 0;
  for (std::size_t i = 0; i < bound.nodes.size(); ++i) {
    const Node& node = bound.nodes[i];
    if (std::ranges::any_of(node.outputs, is_output)) continue;
    auto results = results_of(needless.empty() ? bound : graph_, node);
    if (!results) continue;
    if (needless.empty()) graph_.values = bound.values;
    for (std::size_t k = 0; k < results->size(); ++k) {
      bytes_ += (*results)[k].bytes();
      graph_.value(node.outputs[k]).constant = std::move((*results)[k]);
    }
    needless.push_back(i);
  }
  if (needless.empty()) return bound;
  if (needless != needless_) drop_nodes(bound, std::move(needless));
  return graph_;
}

void KnownValues::drop_nodes(const Graph& bound, std::vector<std::size_t> needless) {
  graph_.name = bound.name;
  graph_.opset = bound.opset;
  graph_.inputs = bound.inputs;
  graph_.outputs = bound.outputs;
  graph_.nodes.clear();
  auto next = needless.begin();
  for (std::size_t i = 0; i < bound.nodes.size(); ++i) {
    if (next != needless.end() && *next == i)
      ++next;
    else
      graph_.nodes.push_back(bound.nodes[i]);
  }
  needless_ = std::move(needless);
}

}  // namespace tessera
