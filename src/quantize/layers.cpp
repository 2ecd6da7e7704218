#include "quantize/layers.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "ops/fused_activation.hpp"
#include "passes/pass.hpp"

namespace tessera {
namespace {

bool has_f32_weights(const Graph& graph, const Node& node) {
  const Value& weights = graph.value(node.inputs[1]);
  return weights.is_constant() && weights.type == DataType::f32;
}

bool is_f32_activation(const Graph& graph, ValueId id) {
  return graph.value(id).type == DataType::f32 && !graph.value(id).is_constant();
}

/// The name of a merged product for each of its three projections. A trial merge says which attentions have one.
std::map<std::string, std::string> merged_projections(const Graph& fused) {
  std::vector<Pass> merging;
  for (const Pass& pass : fusing_passes())
    if (pass.name == "qkv_merge") merging.push_back(pass);
  Graph merged = fused;
  run_passes(merged, merging, nullptr);
  const Uses uses(fused);
  std::map<std::string, std::string> names;
  for (const Node& attention : fused.nodes) {
    if (attention.op != "FusedAttention" || !attention.has_input(1)) continue;
    const int first = uses.producer(attention.inputs[0]);
    if (first < 0) continue;
    const std::string name = fused.nodes[static_cast<std::size_t>(first)].name + "_qkv";
    if (node_index(merged, name) < 0) continue;
    for (const std::size_t i : {0U, 1U, 2U})
      names[fused.nodes[static_cast<std::size_t>(uses.producer(attention.inputs[i]))].name] = name;
  }
  return names;
}

Graph fused_graph(const Graph& standard) {
  std::vector<Pass> passes;
  for (const Pass& pass : fusing_passes())
    if (pass.name != "qkv_merge") passes.push_back(pass);
  Graph fused = standard;
  run_passes(fused, passes, nullptr);
  return fused;
}

/// The sums of convolutions that add a residual: known once it is known what is fused with what.
void name_sums(const Graph& standard, std::vector<QuantizableLayer>& layers) {
  const Uses uses(standard);
  for (QuantizableLayer& layer : layers) {
    if (layer.linear || layer.residual.empty()) continue;
    const ResidualPlace place =
        residual_of(standard, uses, node_index(standard, layer.products.front()), layer.residual);
    if (place.node < 0) continue;
    layer.sum = standard.value(standard.nodes[static_cast<std::size_t>(place.node)].inputs[1 - place.input]).name;
  }
}

class LayerFinder {
 public:
  explicit LayerFinder(const Graph& fused) : fused_(fused), uses_(fused), merged_(merged_projections(fused)) {}

  std::vector<QuantizableLayer> run() {
    for (const Node& node : fused_.nodes) {
      if (node.op == "GlobalAveragePool" || node.op == "FusedGate") follow_producer(node);
      if ((node.op == "FusedConv" || node.op == "FusedMatMul") && has_f32_weights(fused_, node) &&
          is_f32_activation(fused_, node.inputs[0]))
        add_product(node);
      if (node.op == "FusedAttention" && node.has_input(1)) add_attention(node);
    }
    return std::move(layers_);
  }

 private:
  void add_product(const Node& node) {
    const auto merged = merged_.find(node.name);
    const std::string& name = merged == merged_.end() ? node.name : merged->second;
    const auto same = [&](const QuantizableLayer& layer) { return layer.name == name; };
    if (const auto known = std::ranges::find_if(layers_, same); known != layers_.end()) {
      known->products.push_back(node.name);
      return;
    }
    QuantizableLayer layer{name, {node.name}, fused_.value(node.inputs[0]).name, {}, {}, node.op == "FusedMatMul", {}};
    if (node.has_input(3) && is_f32_activation(fused_, node.inputs[3]) && may_be_integers(node))
      layer.residual = fused_.value(node.inputs[3]).name;
    layers_.push_back(std::move(layer));
  }

  /// Linear layers may add integers only where a LayerNormalization evens them out.
  bool may_be_integers(const Node& node) const {
    if (node.op == "FusedConv") return true;
    const int producer = uses_.producer(node.inputs[3]);
    return producer >= 0 && fused_.nodes[static_cast<std::size_t>(producer)].op == "LayerNormalization";
  }

  /// Its products are quantized with the layer that its projections are.
  void add_attention(const Node& node) {
    const int projection = uses_.producer(node.inputs[0]);
    if (projection < 0) return;
    const auto merged = merged_.find(fused_.nodes[static_cast<std::size_t>(projection)].name);
    if (merged == merged_.end()) return;
    const auto same = [&](const QuantizableLayer& layer) { return layer.name == merged->second; };
    const auto layer = std::ranges::find_if(layers_, same);
    if (layer == layers_.end()) return;
    const auto input = [&](std::size_t i) { return fused_.value(node.inputs[i]).name; };
    layer->attention = {node.name, input(0), input(1), input(2)};
  }

  /// A node without weights reads integers where the layer in front of it is one of integers.
  void follow_producer(const Node& node) {
    const int producer = uses_.producer(node.inputs[0]);
    if (producer < 0 || !is_f32_activation(fused_, node.inputs[0])) return;
    const std::string& source = fused_.nodes[static_cast<std::size_t>(producer)].name;
    const auto same = [&](const QuantizableLayer& layer) { return layer.name == source; };
    if (std::ranges::any_of(layers_, same))
      layers_.push_back({node.name, {node.name}, fused_.value(node.inputs[0]).name, {}, {}, false, source});
  }

  const Graph& fused_;
  Uses uses_;
  std::map<std::string, std::string> merged_;
  std::vector<QuantizableLayer> layers_;
};

}  // namespace

bool is_quantized(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [&](const Node& node) {
    const bool narrows = node.op == "Cast" && graph.value(node.outputs[0]).type == DataType::bf16;
    return node.op == "QuantizeLinear" || node.op == "DequantizeLinear" || node.op.starts_with("QLinear") || narrows;
  });
}

QuantizableModel find_layers(Graph standard) {
  Graph fused = fused_graph(standard);
  std::vector<QuantizableLayer> layers = LayerFinder(fused).run();
  // Nodes that a reader gave no name of their own, or that a pass renamed, cannot be found again.
  std::erase_if(layers, [&](const QuantizableLayer& layer) {
    return std::ranges::any_of(layer.products, [&](const std::string& name) { return node_index(standard, name) < 0; });
  });
  name_sums(standard, layers);
  return {std::move(standard), std::move(fused), std::move(layers)};
}

std::map<std::string, int> activations_of(const std::vector<QuantizableLayer>& layers, const CalibrationOptions& how) {
  const bool attention = how.attention != AttentionProducts::linears;
  std::map<std::string, int> axes;
  for (const QuantizableLayer& layer : layers) {
    axes.try_emplace(layer.x, layer.linear ? -1 : 1);
    if (!layer.residual.empty() && (how.int8_residual || !layer.linear))
      axes.try_emplace(layer.residual, layer.linear ? -1 : 1);
    if (!layer.sum.empty() && how.round_sums) axes.try_emplace(layer.sum, 1);
    if (!attention || layer.attention.softmax.empty()) continue;
    for (const std::string& name : {layer.attention.q, layer.attention.k, layer.attention.v})
      axes.try_emplace(name, -1);
  }
  return axes;
}

WeightPlace weights_of(const Graph& graph, const Uses& uses, const Node& product) {
  WeightPlace place;
  ValueId weights = product.inputs[1];
  if (product.op != "Conv") {
    bool by_output = product.op == "Gemm" && product.attribute_or<std::int64_t>("transB", 0) != 0;
    if (const int producer = uses.producer(weights); producer >= 0) {
      const Node& node = graph.nodes[static_cast<std::size_t>(producer)];
      if (node.op != "Transpose" || !uses.single_use(weights)) return place;
      place.transpose = producer;
      weights = node.inputs[0];
      by_output = !by_output;
    }
    place.output_axis = by_output ? 0 : 1;
    place.input_axis = 1 - place.output_axis;
  }
  const Value& value = graph.value(weights);
  const std::size_t rank = product.op == "Conv" ? 4 : 2;
  if (value.is_constant() && value.constant.type() == DataType::f32 && value.constant.shape().rank() == rank)
    place.constant = weights;
  return place;
}

BiasPlace bias_of(const Graph& graph, const Uses& uses, int product) {
  const Node& node = graph.nodes[static_cast<std::size_t>(product)];
  const auto is_bias = [&](ValueId id) {
    return id != no_value && graph.value(id).is_constant() && graph.value(id).constant.type() == DataType::f32;
  };
  if (node.op != "MatMul") return is_bias(node.input(2)) ? BiasPlace{product, 2} : BiasPlace{};
  if (!uses.single_use(node.outputs[0])) return {};
  const int reader = uses.consumers(node.outputs[0]).front();
  const Node& add = graph.nodes[static_cast<std::size_t>(reader)];
  if (add.op != "Add") return {};
  for (const std::size_t side : {0U, 1U})
    if (is_bias(add.inputs[side])) return {reader, side};
  return {};
}

ResidualPlace residual_of(const Graph& graph, const Uses& uses, int product, const std::string& residual) {
  const BiasPlace bias = bias_of(graph, uses, product);
  const int last = bias.node < 0 ? product : bias.node;
  for (const int reader : uses.consumers(graph.nodes[static_cast<std::size_t>(last)].outputs[0])) {
    const Node& add = graph.nodes[static_cast<std::size_t>(reader)];
    if (add.op != "Add") continue;
    for (const std::size_t side : {0U, 1U})
      if (graph.value(add.inputs[side]).name == residual) return {reader, side};
  }
  return {};
}

void take_sums_apart(Graph& fused, const std::vector<QuantizableLayer>& layers) {
  for (const QuantizableLayer& layer : layers) {
    const auto at = std::ranges::find_if(fused.nodes, [&](const Node& node) { return node.name == layer.name; });
    if (layer.sum.empty() || at == fused.nodes.end() || !at->has_input(3)) continue;
    const ValueId result = at->outputs[0], residual = at->inputs[3];
    const auto like_result = [&](const std::string& name) {
      return fused.add_value(name, fused.value(result).type, SymbolicShape(fused.value(result).shape));
    };
    const ValueId known = fused.find(layer.sum);  // nobody computes it any more
    const ValueId sum = known != no_value ? known : like_result(layer.sum);
    const ValueId total = like_result(layer.name + "_total");
    ActivationOp activation = activation_op(*at);
    const bool activates = !activation.op.empty();
    at->outputs = {sum};
    at->inputs.pop_back();
    for (const char* attribute : {"activation", "activation_first", "activation_second"})
      at->attributes.erase(attribute);
    std::vector<Node> behind{{"Add", layer.name + "_add", {sum, residual}, {activates ? total : result}, {}}};
    if (activates)
      behind.push_back(
          {activation.op, layer.name + "_activation", {total}, {result}, std::move(activation.attributes)});
    fused.nodes.insert(at + 1, behind.begin(), behind.end());
  }
}

int node_index(const Graph& graph, const std::string& name) {
  const auto found = std::ranges::find_if(graph.nodes, [&](const Node& node) { return node.name == name; });
  return found == graph.nodes.end() ? -1 : static_cast<int>(found - graph.nodes.begin());
}

}  // namespace tessera
