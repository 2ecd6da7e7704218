#include "formats/onnx_one_dimensional.hpp"

#include <string>
#include <utility>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {
namespace {

constexpr std::int64_t row_axis = 2;
using List = std::vector<std::int64_t>;

/// Whether attributes or weights say that there is one spatial axis.
bool is_one_dimensional(const Graph& graph, const Node& node) {
  if (node.op != "Conv" && node.op != "MaxPool" && node.op != "AveragePool") return false;
  if (const auto* kernel = node.find_attribute<List>("kernel_shape"); kernel != nullptr && !kernel->empty())
    return kernel->size() == 1;
  return node.op == "Conv" && node.has_input(1) && graph.value(node.inputs[1]).is_constant() &&
         graph.value(node.inputs[1]).constant.shape().rank() == 3;
}

class Expander {
 public:
  explicit Expander(Graph& graph) : graph_(graph) {}

  void run() {
    for (Node& node : graph_.nodes) {
      if (is_one_dimensional(graph_, node))
        expand(std::move(node));
      else
        nodes_.push_back(std::move(node));
    }
    graph_.nodes = std::move(nodes_);
  }

 private:
  void expand(Node node) {
    node.inputs[0] = reshaped("Unsqueeze", node.name + "_row", node.inputs[0]);
    if (node.op == "Conv") node.inputs[1] = weights(node);
    widen(node, "kernel_shape", {1});
    widen(node, "strides", {1});
    widen(node, "dilations", {1});
    if (auto* pads = list(node, "pads"); pads != nullptr && pads->size() == 2) *pads = {0, (*pads)[0], 0, (*pads)[1]};
    const ValueId result = node.outputs[0];
    const ValueId row = graph_.add_value(graph_.value(result).name + "_row", DataType::f32);
    node.outputs[0] = row;
    const std::string name = node.name;
    nodes_.push_back(std::move(node));
    view("Squeeze", name + "_squeeze", row, result);
  }

  static List* list(Node& node, const char* key) {
    const auto found = node.attributes.find(key);
    return found == node.attributes.end() ? nullptr : std::get_if<List>(&found->second);
  }
  static void widen(Node& node, const char* key, const List& front) {
    if (List* entries = list(node, key); entries != nullptr && entries->size() == 1)
      entries->insert(entries->begin(), front.begin(), front.end());
  }

  /// [M, C, k] as [M, C, 1, k]: the same elements where they are constants.
  ValueId weights(const Node& node) {
    const ValueId id = node.inputs[1];
    if (!graph_.value(id).is_constant()) return reshaped("Unsqueeze", node.name + "_weight_row", id);
    const Tensor held = graph_.value(id).constant;
    if (held.shape().rank() != 3) return id;
    const Shape shape{held.shape()[0], held.shape()[1], 1, held.shape()[2]};
    return graph_.add_constant(graph_.value(id).name + "_row", held.reshaped(shape));
  }

  ValueId reshaped(const char* op, const std::string& name, ValueId from) {
    const ValueId to = graph_.add_value(name, DataType::f32);
    view(op, name, from, to);
    return to;
  }

  /// The axes are an input from operator set 13 on.
  void view(const char* op, const std::string& name, ValueId from, ValueId to) {
    Node node{op, name, {from}, {to}, {}};
    if (graph_.opset >= 13)
      node.inputs.push_back(
          graph_.add_constant(name + "_axes", Tensor::from<std::int64_t>(Shape{1}, std::span(&row_axis, 1))));
    else
      node.attributes["axes"] = List{row_axis};
    nodes_.push_back(std::move(node));
  }

  Graph& graph_;
  std::vector<Node> nodes_;
};

}  // namespace

void expand_one_dimensional(Graph& graph) {
  Expander(graph).run();
}

}  // namespace tessera
