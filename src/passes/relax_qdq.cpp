// Takes QuantizeLinear/DequantizeLinear pairs out of the inside of patterns that Tessera computes as one kernel.
//
// Quantizers write a pair behind every op, because the runtime they serve has an integer kernel for every op. Tessera
// keeps the sum of a product, its bias and its activation in registers, and attention between its two products in f32:
// a pair in there would only round once more. A pair goes when all that reads it is
//   - the Add of a bias, or an activation, behind a Conv or linear layer; x * Sigmoid(x), whose two pairs go, too;
//   - a MatMul of two computed matrices, unless both come as integers that attention can multiply; or anything behind
//     such a MatMul.
// Everywhere else integers save bandwidth or feed an integer kernel, and the pair stays. A pair that clips at zero is a
// Relu in disguise: it goes only when the value cannot be negative. The pair in front of the Add of a residual stays:
// the epilogue rounds as it does.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ops/fused_activation.hpp"
#include "passes/attention_operands.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/quantization.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

const Node* producer_node(const Rewriter& rewriter, ValueId value) {
  const int index = rewriter.uses().producer(value);
  return index < 0 ? nullptr : &rewriter.node(static_cast<std::size_t>(index));
}

bool is_linear(const Rewriter& rewriter, const Node& node) {
  if (node.op == "Conv" || node.op == "Gemm") return is_weight(rewriter, node.inputs[1]);
  if (node.op != "MatMul") return false;
  const Node* transpose = rewriter.producer(node.inputs[1], "Transpose");
  return is_weight(rewriter, transpose != nullptr ? transpose->inputs[0] : node.inputs[1]);
}

bool is_computed_product(const Rewriter& rewriter, const Node& node) {
  return node.op == "MatMul" && !is_linear(rewriter, node);
}

/// Whether `value` is a Conv or linear layer, or one with its bias added.
bool comes_from_linear(const Rewriter& rewriter, ValueId value) {
  const Node* node = producer_node(rewriter, value);
  if (node == nullptr) return false;
  if (is_linear(rewriter, *node)) return true;
  if (node->op != "Add") return false;
  const Operands bias = pick(*node, [&](ValueId id) { return is_weight(rewriter, id); });
  const Node* product = bias ? producer_node(rewriter, bias.other) : nullptr;
  return product != nullptr && is_linear(rewriter, *product);
}

/// What stands behind the pair that makes `value`; `value` itself where no pair does.
ValueId without_pair(const Rewriter& rewriter, ValueId value) {
  const Node* dequantize = rewriter.producer(value, "DequantizeLinear");
  const Node* quantize = dequantize != nullptr ? rewriter.producer(dequantize->inputs[0], "QuantizeLinear") : nullptr;
  return quantize != nullptr ? quantize->inputs[0] : value;
}

const Node* sigmoid(const Rewriter& rewriter, ValueId value) {
  const Node* node = rewriter.producer(value, "Sigmoid");
  return node != nullptr ? node : rewriter.producer(value, "HardSigmoid");
}

/// Whether `mul` is x * Sigmoid(x) for a layer's output x, of which `operand` is either factor.
bool is_swish_of_linear(const Rewriter& rewriter, const Node& mul, ValueId operand) {
  if (mul.op != "Mul" || mul.inputs[0] == mul.inputs[1]) return false;
  const ValueId other = mul.inputs[mul.inputs[0] == operand ? 1 : 0];
  for (const auto& [x, gate] : {std::pair{operand, other}, std::pair{other, operand}}) {
    const Node* node = sigmoid(rewriter, without_pair(rewriter, gate));
    if (node != nullptr && node->inputs[0] == x) return comes_from_linear(rewriter, without_pair(rewriter, x));
  }
  return false;
}

/// Whether the pair in front of `reader` stands inside a pattern. `source` is what the pair quantizes.
bool inside_pattern(const Rewriter& rewriter, const Node& reader, ValueId source, ValueId dequantized) {
  if (is_computed_product(rewriter, reader)) return !multiplies_integers(rewriter, reader);
  const Node* made_by = producer_node(rewriter, source);
  if (made_by != nullptr && is_computed_product(rewriter, *made_by)) return true;
  if (is_swish_of_linear(rewriter, reader, dequantized)) return true;
  if (!comes_from_linear(rewriter, source)) return false;
  if (reader.op == "Erf" || fused_form(rewriter.graph(), reader)) return true;
  if (reader.op != "Add" || reader.inputs[0] == reader.inputs[1]) return false;
  const ValueId other = reader.inputs[reader.inputs[0] == dequantized ? 1 : 0];
  return is_weight(rewriter, other);
}

bool never_negative(const Rewriter& rewriter, ValueId value) {
  const Node* node = producer_node(rewriter, value);
  return node != nullptr && (node->op == "Softmax" || node->op == "Relu" || node->op == "Sigmoid");
}

/// What the DequantizeLinear may pass on instead: the value that was quantized; nothing when the pair stays.
std::optional<ValueId> source_of(Rewriter& rewriter, const Node& dequantize) {
  const Graph& graph = rewriter.graph();
  const Node* quantize = rewriter.producer(dequantize.inputs[0], "QuantizeLinear");
  if (quantize == nullptr) return std::nullopt;
  const ValueId source = quantize->inputs[0];
  const auto& readers = rewriter.uses().consumers(dequantize.outputs[0]);
  const bool inside = !readers.empty() && std::ranges::all_of(readers, [&](int reader) {
    return inside_pattern(rewriter, rewriter.node(static_cast<std::size_t>(reader)), source, dequantize.outputs[0]);
  });
  if (!inside) return std::nullopt;
  const auto in = quantization_of(graph, *quantize);
  const auto out = quantization_of(graph, dequantize);
  if (!in || !out || !(*in == *out) || !in->per_tensor()) {
    rewriter.decline(dequantize, "it differs from " + quantize->name + " or is not per tensor");
    return std::nullopt;
  }
  const bool clips = graph.value(dequantize.inputs[0]).type == DataType::u8 && in->zero_point.front() == 0;
  if (clips && !never_negative(rewriter, source)) {
    rewriter.decline(dequantize, "the pair also clips at zero, like a Relu");
    return std::nullopt;
  }
  return source;
}

}  // namespace

int relax_qdq(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "relax_qdq", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    if (node.op != "DequantizeLinear") continue;
    if (const auto source = source_of(rewriter, node)) {
      rewriter.bypass(i, *source, "the pair stood inside a fused pattern");
    }
  }
  return rewriter.count();
}

}  // namespace tessera::passes
