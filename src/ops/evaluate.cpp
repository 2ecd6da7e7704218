// The plain interpreter: one node after the other, every intermediate a tensor of its own. Slow and obvious.
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {

namespace {

/// Gives the input the shape of the tensor, and its elements as extents where they could be shape arithmetic.
void bind_input(Value& input, const Tensor& tensor, std::vector<Binding>& bindings) {
  const std::string what = "input " + input.name;
  if (tensor.empty()) reject(what, "no tensor was given");
  if (tensor.type() != input.type)
    reject(what,
           "it is " + std::string(name_of(tensor.type())) + ", the model wants " + std::string(name_of(input.type)));
  const auto mismatch = [&] {
    reject(what, "its shape is " + to_string(tensor.shape()) + ", the model wants " + to_string(input.shape));
  };
  if (input.shape.ranked) {
    if (input.shape.rank() != tensor.shape().rank()) mismatch();
    for (std::size_t axis = 0; axis < tensor.shape().rank(); ++axis) {
      const Dim& dim = input.shape.dims[axis];
      const std::int64_t extent = tensor.shape()[axis];
      if (dim.known() && dim.value() != extent) mismatch();
      if (!dim.symbolic()) continue;
      for (const Binding& binding : bindings)
        if (binding.symbol == dim.symbol() && binding.extent != extent) mismatch();
      bindings.push_back({dim.symbol(), extent});
    }
  }
  input.shape = SymbolicShape(tensor.shape());
  input.extents = extents_of(tensor);
}

const OpSchema& evaluable(const Node& node) {
  const OpSchema* schema = find_op(node.op);
  if (schema == nullptr) node_error(node, "the operator is not supported", "re-export the model without it");
  if (schema->evaluate == nullptr) node_error(node, "it has no plain evaluation", "run it through a session");
  return *schema;
}

/// For every value the last node that reads it; outputs of the graph are never let go.
std::vector<int> last_readers(const Graph& graph) {
  std::vector<int> last(graph.values.size(), -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    for (const ValueId id : graph.nodes[i].inputs)
      if (id != no_value) last[static_cast<std::size_t>(id)] = static_cast<int>(i);
  for (const ValueId id : graph.outputs) last[static_cast<std::size_t>(id)] = static_cast<int>(graph.nodes.size());
  return last;
}

}  // namespace

std::vector<Tensor> evaluate_node(const Graph& graph, const Node& node, std::span<const Tensor> inputs) {
  const OpSchema& schema = evaluable(node);
  std::vector<TensorView> input_views;
  for (const Tensor& input : inputs) input_views.push_back(input.view());

  std::vector<Tensor> outputs;
  std::vector<TensorView> output_views;
  for (const ValueId id : node.outputs) {
    if (id == no_value) {
      outputs.emplace_back();
    } else {
      const Value& value = graph.value(id);
      if (!value.shape.concrete())
        node_error(node, "the shape " + to_string(value.shape) + " of its output " + value.name + " is not known",
                   "bind the model's inputs to concrete shapes");
      outputs.emplace_back(value.type, value.shape.to_shape());
    }
    output_views.push_back(outputs.back().view());
  }
  schema.evaluate(node, input_views, output_views);
  return outputs;
}

std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs) {
  if (inputs.size() != graph.inputs.size())
    reject("graph " + graph.name,
           std::to_string(inputs.size()) + " inputs were given, it has " + std::to_string(graph.inputs.size()));
  Graph run = graph;
  std::vector<Tensor> tensors(run.values.size());
  std::vector<Binding> bindings;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    bind_input(run.value(run.inputs[i]), inputs[i], bindings);
    tensors[static_cast<std::size_t>(run.inputs[i])] = inputs[i];
  }
  for (std::size_t i = 0; i < run.values.size(); ++i)
    if (run.values[i].is_constant()) tensors[i] = run.values[i].constant;

  const std::vector<int> last = last_readers(run);
  for (std::size_t i = 0; i < run.nodes.size(); ++i) {
    const Node& node = run.nodes[i];
    std::vector<Tensor> operands;
    for (const ValueId id : node.inputs)
      operands.push_back(id == no_value ? Tensor{} : tensors[static_cast<std::size_t>(id)]);
    // Shape by shape with the values at hand rather than the whole graph up front.
    evaluable(node).infer(run, node);
    std::vector<Tensor> results = evaluate_node(run, node, operands);
    for (std::size_t k = 0; k < results.size(); ++k) {
      if (node.outputs[k] == no_value) continue;
      // Computed integers count as shape arithmetic once they exist, so shapes may even depend on data.
      run.value(node.outputs[k]).extents = extents_of(results[k]);
      tensors[static_cast<std::size_t>(node.outputs[k])] = std::move(results[k]);
    }
    for (const ValueId id : node.inputs)
      if (id != no_value && last[static_cast<std::size_t>(id)] == static_cast<int>(i))
        tensors[static_cast<std::size_t>(id)] = {};
  }

  std::vector<Tensor> outputs;
  for (const ValueId id : run.outputs) outputs.push_back(tensors[static_cast<std::size_t>(id)]);
  return outputs;
}

}  // namespace tessera
