#include "quantize/dynamic.hpp"

#include <map>
#include <utility>

#include "quantize/weights.hpp"

namespace tessera {

void quantize_linear_weights(Graph& graph) {
  std::map<std::pair<ValueId, int>, ValueId> quantized;  // layers may share weights, and read them either way round
  for (Node& node : graph.nodes) {
    if (node.op != "FusedMatMul") continue;
    node.attributes.erase("quantize_input");
    const Value& weights = graph.value(node.inputs[1]);
    if (!weights.is_constant() || weights.type != DataType::f32) continue;
    if (graph.value(node.inputs[0]).type != DataType::f32) continue;
    const int axis = node.attribute_or<std::int64_t>("transB", 0) != 0 ? 0 : 1;
    auto [entry, fresh] = quantized.try_emplace({node.inputs[1], axis}, no_value);
    if (fresh) {
      QuantizedWeights made = quantize_weights(weights.constant, axis);
      entry->second = graph.add_constant(weights.name + "_s8", std::move(made.values));
      graph.value(entry->second).quantization = std::move(made.quantization);
    }
    node.inputs[1] = entry->second;
  }
  graph.remove_unused();
}

}  // namespace tessera
