#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/checked_size.hpp"
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

/// The elements of small tensors that nothing but constants and shapes decides: what pads, slices and targets are
/// computed from, by ops that carry no extents themselves.
class KnownElements {
 public:
  explicit KnownElements(Graph& graph) : graph_(graph) {}

  /// Evaluates a node whose inputs are all known; integers become the extents of their value.
  void learn(const Node& node) {
    const OpSchema* schema = find_op(node.op);
    if (schema->evaluate == nullptr || node.inputs.empty()) return;
    for (const ValueId id : node.outputs)
      if (id == no_value || !is_small(graph_.value(id).shape)) return;
    std::vector<Tensor> inputs;
    for (const ValueId id : node.inputs) {
      auto tensor = id == no_value ? std::optional(Tensor()) : elements_of(id);
      if (!tensor) return;
      inputs.push_back(*std::move(tensor));
    }
    try {
      keep(node, evaluate_node(graph_, node, inputs));
    } catch (const Error&) {
      return;  // of data that are wrong; whoever runs the node says so
    }
  }

 private:
  static constexpr std::int64_t most_elements = 64;

  static bool is_small(const SymbolicShape& shape) {
    std::int64_t elements = 1;
    for (const Dim& dim : shape.dims) {
      if (!dim.known() || dim.value() > most_elements) return false;
      elements *= dim.value();
      if (elements > most_elements) return false;
    }
    return shape.ranked;
  }

  std::optional<Tensor> elements_of(ValueId id) const {
    const Value& value = graph_.value(id);
    if (value.quantization || !is_small(value.shape)) return std::nullopt;
    if (value.is_constant()) return value.constant;
    if (const auto found = known_.find(id); found != known_.end()) return found->second;
    const auto numbers = value.type == DataType::i64 ? integers_of(graph_, id) : std::nullopt;
    const Shape shape = value.shape.to_shape();
    if (!numbers || static_cast<std::int64_t>(numbers->size()) != shape.elements()) return std::nullopt;
    return Tensor::from<std::int64_t>(shape, *numbers);
  }

  void keep(const Node& node, std::vector<Tensor> results) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      Value& value = graph_.value(node.outputs[i]);
      if (!value.extents) value.extents = extents_of(results[i]);
      known_.emplace(node.outputs[i], std::move(results[i]));
    }
  }

  Graph& graph_;
  std::unordered_map<ValueId, Tensor> known_;
};

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

/// Nothing below has to ask again whether a product of these extents fits.
void refuse_absurd_size(const Value& value) {
  checked_bytes(value.shape.to_shape(), value.type, "tensor " + value.name);
}

/// Before infer functions calculate with the extents of what comes from outside; those of outputs are looked at one by
/// one.
void refuse_absurd_inputs(const Graph& graph) {
  for (const ValueId id : graph.inputs)
    if (is_absurd(graph.value(id).shape))
      reject("tensor " + graph.value(id).name,
             "shape " + to_string(graph.value(id).shape) + " is larger than any memory", "export the model again");
}

}  // namespace

void infer_shapes(Graph& graph) {
  reset_computed(graph);
  refuse_absurd_inputs(graph);
  KnownElements known(graph);
  for (const Node& node : graph.nodes) {
    const OpSchema* schema = find_op(node.op);
    if (schema == nullptr) node_error(node, "the operator is not supported", "re-export the model without it");
    if (!inputs_ranked(graph, node)) continue;
    schema->infer(graph, node);
    known.learn(node);
  }
}

void bind_shapes(Graph& graph, std::span<const Binding> bindings) {
  for (const ValueId id : graph.inputs) {
    Value& input = graph.value(id);
    if (!input.shape.ranked)
      reject("input " + input.name, "its shape is not in the model", "re-export the model with input shapes");
    for (Dim& dim : input.shape.dims) dim = bound(dim, input, bindings);
    refuse_absurd_size(input);
  }
  infer_shapes(graph);
  refuse_open_shapes(graph);
  for (const Node& node : graph.nodes)
    for (const ValueId id : node.outputs)
      if (id != no_value) refuse_absurd_size(graph.value(id));
}

}  // namespace tessera
