#include <algorithm>
#include <string>

#include "core/error.hpp"
#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {

namespace {

/// Forgets what an earlier inference found, so that none of it survives a change of the graph.
void reset_computed(Graph& graph) {
  for (Value& value : graph.values) {
    value.extents.reset();
    if (!value.is_constant()) continue;
    value.type = value.constant.type();
    value.shape = SymbolicShape(value.constant.shape());
  }
  for (const Node& node : graph.nodes)
    for (const ValueId id : node.outputs)
      if (id != no_value) graph.value(id).shape = {};
}

bool inputs_ranked(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id == no_value || graph.value(id).shape.ranked; });
}

Dim bound(const Dim& dim, const Value& input, std::span<const Binding> bindings) {
  if (dim.known()) return dim;
  const std::string what = "extent " + to_string(dim) + " of input " + input.name;
  if (!dim.symbolic()) reject(what, "it has no name that a number could be given to", "re-export the model");
  const auto found = std::find_if(bindings.begin(), bindings.end(),
                                  [&](const Binding& binding) { return binding.symbol == dim.symbol(); });
  if (found == bindings.end()) reject(what, "no number was given for it", "give one, e.g. " + dim.symbol() + " = 1");
  if (found->extent < 1)
    reject(what, std::to_string(found->extent) + " was given for it", "give a number that is at least 1");
  return found->extent;
}

/// The input whose elements, not known yet, decide the shape of a node's output: the last that is neither constant nor
/// known from shapes, since data comes first and lists of extents follow.
std::string deciding_input(const Graph& graph, const Node& node) {
  for (std::size_t i = node.inputs.size(); i-- > 0;) {
    const ValueId id = node.inputs[i];
    if (id == no_value || graph.value(id).is_constant() || integers_of(graph, id)) continue;
    return "input " + std::to_string(i) + " (" + graph.value(id).name + ")";
  }
  return "its inputs";
}

/// A plan needs numbers: node_error for the first node whose output has an extent that no binding gives.
void refuse_open_shapes(const Graph& graph) {
  for (const Node& node : graph.nodes)
    for (const ValueId id : node.outputs) {
      if (id == no_value || graph.value(id).shape.concrete()) continue;
      const std::string shape = graph.value(id).shape.ranked ? to_string(graph.value(id).shape) : "of unknown rank";
      node_error(node,
                 "the shape " + shape + " of its output " + graph.value(id).name + " depends on the values of " +
                     deciding_input(graph, node) + ", which are computed when the model runs",
                 "export the model so that they are constants or follow from the shapes of its inputs");
    }
}

}  // namespace

void infer_shapes(Graph& graph) {
  reset_computed(graph);
  for (const Node& node : graph.nodes) {
    const OpSchema* schema = find_op(node.op);
    if (schema == nullptr) node_error(node, "the operator is not supported", "re-export the model without it");
    if (inputs_ranked(graph, node)) schema->infer(graph, node);
  }
}

void bind_shapes(Graph& graph, std::span<const Binding> bindings) {
  for (const ValueId id : graph.inputs) {
    Value& input = graph.value(id);
    if (!input.shape.ranked)
      reject("input " + input.name, "its shape is not in the model", "re-export the model with input shapes");
    for (Dim& dim : input.shape.dims) dim = bound(dim, input, bindings);
  }
  infer_shapes(graph);
  refuse_open_shapes(graph);
}

}  // namespace tessera
