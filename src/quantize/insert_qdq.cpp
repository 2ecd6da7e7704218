#include "quantize/insert_qdq.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace tessera {
namespace {

bool has_constant_weights(const Graph& graph, const Node& node) {
  return (node.op == "FusedConv" || node.op == "FusedMatMul") && graph.value(node.inputs[1]).is_constant() &&
         graph.value(node.inputs[1]).type == DataType::f32;
}

/// Inputs of a node that become u8.
std::vector<std::size_t> quantized_inputs(const Graph& graph, const Node& node) {
  if (node.op == "GlobalAveragePool") return {0};
  if (!has_constant_weights(graph, node)) return {};
  if (node.op == "FusedConv" && node.has_input(3)) return {0, 3};
  return {0};
}

/// Index of the weights' output channel axis.
int channel_axis(const Node& node) {
  return node.op == "FusedConv" || node.attribute_or<std::int64_t>("transB", 0) != 0 ? 0 : 1;
}

std::set<ValueId> quantized_values(const Graph& graph) {
  std::set<ValueId> values;
  for (const Node& node : graph.nodes)
    for (const std::size_t i : quantized_inputs(graph, node))
      if (graph.value(node.inputs[i]).type == DataType::f32 && !graph.value(node.inputs[i]).is_constant())
        values.insert(node.inputs[i]);
  return values;
}

/// Writes the rewritten node list.
class Insertion {
 public:
  Insertion(Graph& graph, const RangeObserver& ranges) : graph_(graph), ranges_(ranges), uses_(graph) {}

  void run() {
    values_ = quantized_values(graph_);
    share_through_pools();
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) {
      for (std::size_t i = 0; i < node.inputs.size(); ++i) replace_input(node, i);
      if (has_constant_weights(graph_, node)) node.inputs[1] = dequantized_weights(node.inputs[1], channel_axis(node));
      graph_.nodes.push_back(std::move(node));
    }
  }

 private:
  /// MaxPool chooses among its inputs: the same parameters serve both sides.
  void share_through_pools() {
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node)
      if (node->op == "MaxPool" && values_.contains(node->outputs[0]) && uses_.single_use(node->inputs[0])) {
        values_.insert(node->inputs[0]);
        shared_[node->inputs[0]] = node->outputs[0];
      }
  }

  void replace_input(Node& node, std::size_t i) {
    const ValueId id = node.input(i);
    if (id == no_value || !values_.contains(id)) return;
    const std::vector<std::size_t> wanted = quantized_inputs(graph_, node);
    const bool listed = std::find(wanted.begin(), wanted.end(), i) != wanted.end();
    if (listed || (node.op == "MaxPool" && shared_.contains(id))) node.inputs[i] = dequantized(id);
  }

  ValueId dequantized(ValueId id) {
    auto [entry, fresh] = dequantized_.try_emplace(id, no_value);
    if (fresh) {
      const auto source = shared_.contains(id) ? shared_.at(id) : id;
      const Quantization q = activation_quantization(ranges_.of(graph_.value(source).name));
      const std::string name = graph_.value(id).name;
      const ValueId scale = graph_.add_constant(name + "_scale", Tensor::scalar(q.scale[0]));
      const ValueId zero =
          graph_.add_constant(name + "_zero_point", Tensor::scalar(static_cast<std::uint8_t>(q.zero_point[0])));
      const ValueId integers =
          append("QuantizeLinear", name + "_quantized", DataType::u8, graph_.value(id).shape, {id, scale, zero});
      entry->second = append("DequantizeLinear", name + "_dequantized", DataType::f32, graph_.value(id).shape,
                             {integers, scale, zero});
    }
    return entry->second;
  }

  ValueId dequantized_weights(ValueId id, int axis) {
    auto [entry, fresh] = dequantized_.try_emplace(id, no_value);
    if (fresh) {
      const std::string name = graph_.value(id).name;
      const SymbolicShape shape = graph_.value(id).shape;
      QuantizedWeights quantized = quantize_weights(graph_.value(id).constant, axis);
      const auto channels = static_cast<std::int64_t>(quantized.quantization.scale.size());
      const ValueId integers = graph_.add_constant(name + "_quantized", std::move(quantized.values));
      const ValueId scale =
          graph_.add_constant(name + "_scale", Tensor::from<float>(Shape{channels}, quantized.quantization.scale));
      const ValueId zero = graph_.add_constant(name + "_zero_point", Tensor(DataType::s8, Shape{channels}));
      entry->second = append("DequantizeLinear", name + "_dequantized", DataType::f32, shape, {integers, scale, zero},
                             {{"axis", std::int64_t{axis}}});
    }
    return entry->second;
  }

  ValueId append(std::string op, const std::string& name, DataType type, const SymbolicShape& shape,
                 std::vector<ValueId> inputs, Attributes attributes = {}) {
    const ValueId id = graph_.add_value(name, type, shape);
    graph_.nodes.push_back({std::move(op), name, std::move(inputs), {id}, std::move(attributes)});
    return id;
  }

  Graph& graph_;
  const RangeObserver& ranges_;
  Uses uses_;
  std::set<ValueId> values_;
  std::map<ValueId, ValueId> shared_;       // value -> the value whose parameters it takes
  std::map<ValueId, ValueId> dequantized_;  // float value -> output of its DequantizeLinear
};

}  // namespace

std::vector<std::string> values_to_observe(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : quantized_values(graph)) names.push_back(graph.value(id).name);
  return names;
}

void insert_qdq(Graph& graph, const RangeObserver& ranges) {
  Insertion(graph, ranges).run();
}

}  // namespace tessera
