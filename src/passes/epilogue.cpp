// What follows a FusedConv or FusedMatMul goes into its epilogue: first an Add of a tensor of the same shape (the
// residual, input R), then an activation (ops/fused_activation.hpp). A QuantizeLinear/DequantizeLinear pair between the
// product and the Add becomes an attribute: the kernel rounds the sum as the pair would, in a register.
//
// Of two products that meet in an Add, the one computed later takes the other as its residual. The fused node stands in
// the place of the Add, where both operands exist, so no order has to be proved.
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ops/fused_activation.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/quantization.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

constexpr std::size_t residual_input = 3;

const Node* host_of(const Rewriter& rewriter, ValueId value) {
  const Node* conv = rewriter.producer(value, "FusedConv");
  return conv != nullptr ? conv : rewriter.producer(value, "FusedMatMul");
}

bool has_activation(const Node& host) {
  return host.attribute_or("activation", std::string("none")) != "none";
}

/// An operand of an Add: the value that computes it, and what a pair between that value and the Add rounds it to.
struct Operand {
  ValueId value = no_value;   ///< as the Add reads it
  ValueId source = no_value;  ///< in front of the pair; `value` itself where there is none
  std::optional<Quantization> rounding;
};

Operand operand_of(const Rewriter& rewriter, ValueId value) {
  const Node* dequantize = rewriter.producer(value, "DequantizeLinear");
  const Node* quantize = dequantize != nullptr ? rewriter.producer(dequantize->inputs[0], "QuantizeLinear") : nullptr;
  if (quantize == nullptr) return {value, value, std::nullopt};
  const auto stated = quantization_of(rewriter.graph(), *quantize);
  const bool is_rounding = stated && stated->per_tensor() && stated == quantization_of(rewriter.graph(), *dequantize) &&
                           rewriter.graph().value(dequantize->inputs[0]).type == DataType::u8;
  const bool alone = rewriter.uses().single_use(value) && rewriter.uses().single_use(dequantize->inputs[0]);
  if (!is_rounding || !alone) return {value, value, std::nullopt};
  return {value, quantize->inputs[0], stated};
}

/// Why `host`, which computes one operand of the Add, cannot take the other in; empty when it can.
std::string reason_against(const Rewriter& rewriter, const Node& host, ValueId residual) {
  const Graph& graph = rewriter.graph();
  const ValueId result = host.outputs[0];
  const std::string& name = graph.value(result).name;
  if (rewriter.uses().is_output(result)) return name + " is a graph output";
  if (!rewriter.uses().single_use(result)) return name + " is used elsewhere";
  if (host.has_input(residual_input)) return host.name + " has a residual already";
  if (has_activation(host)) return host.name + " has an activation, which comes after the residual";
  if (graph.value(residual).is_constant()) return "the other operand " + graph.value(residual).name + " is a constant";
  if (graph.value(residual).type != graph.value(result).type) return "the operands differ in type";
  if (!same_shape(graph, result, residual)) {
    return "the operands differ in shape: " + to_string(graph.value(result).shape) + " and " +
           to_string(graph.value(residual).shape);
  }
  return {};
}

/// The position of the producer; graph inputs and constants come before every node.
int position(const Rewriter& rewriter, ValueId value) {
  return rewriter.uses().producer(value);
}

void fuse_add(Rewriter& rewriter, std::size_t index) {
  const Node& add = rewriter.node(index);
  std::array<Operand, 2> operands{operand_of(rewriter, add.inputs[0]), operand_of(rewriter, add.inputs[1])};
  if (position(rewriter, operands[0].source) < position(rewriter, operands[1].source))
    std::swap(operands[0], operands[1]);
  std::string why;
  for (const std::size_t side : {0U, 1U}) {
    const Node* host = host_of(rewriter, operands[side].source);
    if (host == nullptr) continue;
    const ValueId residual = operands[1 - side].value;
    std::string reason = reason_against(rewriter, *host, residual);
    if (!reason.empty()) {
      if (why.empty()) why = std::move(reason);
      continue;
    }
    std::vector<ValueId> inputs = host->inputs;
    inputs.resize(residual_input, no_value);
    inputs.push_back(residual);
    Attributes attributes = host->attributes;
    if (const auto& rounding = operands[side].rounding) {
      attributes["sum_scale"] = rounding->scale.front();
      attributes["sum_zero_point"] = std::int64_t{rounding->zero_point.front()};
      if (add.inputs[0] == residual) attributes["residual_first"] = std::int64_t{1};
    }
    return rewriter.replace(index, {host->op, host->name, inputs, std::move(attributes)},
                            "took " + add.name + " as residual");
  }
  if (!why.empty()) rewriter.decline(add, why);
}

void fuse_activation(Rewriter& rewriter, std::size_t index, const Attributes& activation) {
  const Node& node = rewriter.node(index);
  const Node* host = host_of(rewriter, node.inputs[0]);
  if (host == nullptr) return;
  if (has_activation(*host)) return rewriter.decline(node, host->name + " has an activation already");
  if (!rewriter.may_vanish(node, node.inputs[0])) return;
  Attributes attributes = host->attributes;
  for (const auto& [key, value] : activation) attributes[key] = value;
  rewriter.replace(index, {host->op, host->name, host->inputs, std::move(attributes)}, "took " + node.op + " in");
}

}  // namespace

int fuse_epilogue(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "epilogue", notes);
  // In topological order an Add is always looked at before the activation behind it.
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    if (node.op == "Add") fuse_add(rewriter, i);
    if (const auto activation = fused_form(graph, node)) fuse_activation(rewriter, i, *activation);
  }
  return rewriter.count();
}

}  // namespace tessera::passes
