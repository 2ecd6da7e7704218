#include "passes/attention_operands.hpp"

#include "passes/quantization.hpp"

namespace tessera::passes {

std::optional<std::pair<ValueId, Quantization>> integer_operand(const Rewriter& rewriter, ValueId value) {
  const Graph& graph = rewriter.graph();
  const Node* dequantize = rewriter.producer(value, "DequantizeLinear");
  if (dequantize == nullptr || !rewriter.uses().single_use(value)) return std::nullopt;
  const ValueId integers = dequantize->inputs[0];
  const Node* quantize = rewriter.producer(integers, "QuantizeLinear");
  if (quantize == nullptr || !rewriter.uses().single_use(integers)) return std::nullopt;
  if (graph.value(integers).type != DataType::u8) return std::nullopt;
  const auto in = quantization_of(graph, *quantize), out = quantization_of(graph, *dequantize);
  if (!in || !out || !(*in == *out) || !in->per_tensor()) return std::nullopt;
  return std::pair{quantize->inputs[0], *in};
}

bool multiplies_integers(const Rewriter& rewriter, const Node& product) {
  const auto left = integer_operand(rewriter, product.inputs[0]);
  const auto right = integer_operand(rewriter, product.inputs[1]);
  if (!left || !right) return false;
  return rewriter.producer(left->first, "Softmax") == nullptr || left->second.zero_point.front() == 0;
}

}  // namespace tessera::passes
