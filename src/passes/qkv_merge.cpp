// The three projections of one attention that read the same X become one FusedMatMul of three times the width: X is
// read once, and one wide product keeps more cores busy than three narrow ones. FusedAttention with K and V omitted
// reads Q | K | V side by side.
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

using Projections = std::array<const Node*, 3>;

bool transposed(const Node& node) {
  return node.attribute_or("transB", std::int64_t{0}) != 0;
}

/// Why the three are not one product; empty when they are.
std::string reason_against(const Rewriter& rewriter, const Projections& projections) {
  const Graph& graph = rewriter.graph();
  const Node& first = *projections[0];
  for (const Node* node : projections) {
    const ValueId result = node->outputs[0];
    const std::string& name = graph.value(result).name;
    if (rewriter.uses().is_output(result)) return name + " is a graph output";
    if (!rewriter.uses().single_use(result)) return name + " is used elsewhere";
    if (node->inputs[0] != first.inputs[0]) return "the projections read different values";
    if (transposed(*node) != transposed(first)) return "the weights are not stored the same way round";
    if (node->has_input(2) != first.has_input(2)) return "not all projections have a bias";
    if (node->has_input(3)) return node->name + " has a residual";
    if (node->attribute_or("activation", std::string("none")) != "none") return node->name + " has an activation";
    const Tensor& weight = graph.value(node->inputs[1]).constant;
    if (weight.empty() || weight.type() != DataType::f32)
      return "the weights of " + node->name + " are not f32 constants";
    if (!(weight.shape() == graph.value(first.inputs[1]).constant.shape())) return "the projections differ in width";
    if (node->has_input(2) && graph.value(node->inputs[2]).constant.empty()) return "a bias is not constant";
  }
  return {};
}

/// Concatenates equally shaped constants along an axis: `outer` runs of each tensor take turns.
Tensor side_by_side(const Graph& graph, const Projections& projections, std::size_t input, std::size_t axis) {
  Shape shape = graph.value(projections[0]->inputs[input]).constant.shape();
  const std::int64_t outer = shape.product(0, axis);
  shape[axis] *= static_cast<std::int64_t>(projections.size());
  Tensor joined(DataType::f32, shape);
  std::byte* target = joined.mutable_data();
  for (std::int64_t run = 0; run < outer; ++run) {
    for (const Node* node : projections) {
      const Tensor& part = graph.value(node->inputs[input]).constant;
      const std::size_t bytes = part.bytes() / static_cast<std::size_t>(outer);
      std::memcpy(target, part.data() + static_cast<std::size_t>(run) * bytes, bytes);
      target += bytes;
    }
  }
  return joined;
}

std::size_t merge(Rewriter& rewriter, std::size_t index, const Projections& projections) {
  const Graph& graph = rewriter.graph();
  const Node attention = rewriter.node(index);
  const Node first = *projections[0];
  std::vector<ValueId> inputs{first.inputs[0]};
  Tensor weight = side_by_side(graph, projections, 1, transposed(first) ? 0 : 1);
  Tensor bias = first.has_input(2) ? side_by_side(graph, projections, 2, 0) : Tensor();
  inputs.push_back(rewriter.add_constant(first.name + "_qkv_weight", std::move(weight)));
  if (!bias.empty()) inputs.push_back(rewriter.add_constant(first.name + "_qkv_bias", std::move(bias)));
  const ValueId qkv = rewriter.add_value(first.name + "_qkv", DataType::f32);
  std::vector<ValueId> reads{qkv};
  if (attention.has_input(3)) reads = {qkv, no_value, no_value, attention.inputs[3]};
  Node product{"FusedMatMul", first.name + "_qkv", inputs, {qkv}, first.attributes};
  Node fused{"FusedAttention", attention.name, reads, attention.outputs, attention.attributes};
  return rewriter.expand(index, {std::move(product), std::move(fused)}, "merged the projections of Q, K and V");
}

}  // namespace

int merge_qkv(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "qkv_merge", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& attention = rewriter.node(i);
    if (attention.op != "FusedAttention" || !attention.has_input(1)) continue;
    Projections projections{};
    for (std::size_t part = 0; part < projections.size(); ++part) {
      projections[part] = rewriter.producer(attention.input(part), "FusedMatMul");
    }
    if (projections[0] == nullptr || projections[1] == nullptr || projections[2] == nullptr) {
      rewriter.decline(attention, "Q, K and V are not all linear projections");
      continue;
    }
    if (const std::string why = reason_against(rewriter, projections); !why.empty()) {
      rewriter.decline(attention, why);
      continue;
    }
    i = merge(rewriter, i, projections);
  }
  return rewriter.count();
}

}  // namespace tessera::passes
