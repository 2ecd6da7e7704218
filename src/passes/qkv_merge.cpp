// The three projections of one attention that read the same X become one FusedMatMul of three times the width: X is
// read once, and one wide product keeps more cores busy than three narrow ones. FusedAttention with K and V omitted
// reads Q | K | V side by side. Quantized projections merge as well: their integers and their scales lie side by side.
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/deferred_tensor.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/quantization.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

using Projections = std::array<const Node*, 3>;

bool transposed(const Node& node) {
  return node.attribute_or("transB", std::int64_t{0}) != 0;
}

/// The weights of a projection: f32, or s8 behind a DequantizeLinear that gives them one scale per output.
struct Weights {
  const Tensor* elements = nullptr;
  const Node* dequantize = nullptr;
  Quantization quantization;
};

/// Nothing when they are neither.
std::optional<Weights> weights_of(const Rewriter& rewriter, const Node& node) {
  const Graph& graph = rewriter.graph();
  const Value& value = graph.value(node.inputs[1]);
  if (value.is_constant()) {
    if (value.constant.type() != DataType::f32) return std::nullopt;
    return Weights{&value.constant, nullptr, {}};
  }
  const Node* dequantize = rewriter.producer(node.inputs[1], "DequantizeLinear");
  if (dequantize == nullptr) return std::nullopt;
  const Tensor& integers = graph.value(dequantize->inputs[0]).constant;
  auto quantization = quantization_of(graph, *dequantize);
  if (integers.empty() || integers.type() != DataType::s8 || !quantization || !is_symmetric(*quantization))
    return std::nullopt;
  const int outputs = transposed(node) ? 0 : 1;
  if (quantization->per_tensor()) {
    // One scale for all outputs is the same scale for each of them.
    const auto channels = static_cast<std::size_t>(integers.shape()[static_cast<std::size_t>(outputs)]);
    *quantization = {std::vector<float>(channels, quantization->scale.front()), std::vector<std::int32_t>(channels, 0),
                     outputs};
  }
  if (quantization->axis != outputs) return std::nullopt;
  return Weights{&integers, dequantize, std::move(*quantization)};
}

/// What the projections read: quantizers may give each of them a DequantizeLinear of its own.
bool same_input(const Rewriter& rewriter, ValueId a, ValueId b) {
  if (a == b) return true;
  const Node* left = rewriter.producer(a, "DequantizeLinear");
  const Node* right = rewriter.producer(b, "DequantizeLinear");
  if (left == nullptr || right == nullptr || left->inputs[0] != right->inputs[0]) return false;
  const auto stated = quantization_of(rewriter.graph(), *left);
  return stated && stated == quantization_of(rewriter.graph(), *right);
}

/// Why the three are not one product; empty when they are.
std::string reason_against(const Rewriter& rewriter, const Projections& projections) {
  const Graph& graph = rewriter.graph();
  const Node& first = *projections[0];
  const auto first_weights = weights_of(rewriter, first);
  for (const Node* node : projections) {
    const ValueId result = node->outputs[0];
    const std::string& name = graph.value(result).name;
    if (rewriter.uses().is_output(result)) return name + " is a graph output";
    if (!rewriter.uses().single_use(result)) return name + " is used elsewhere";
    if (!same_input(rewriter, node->inputs[0], first.inputs[0])) return "the projections read different values";
    if (transposed(*node) != transposed(first)) return "the weights are not stored the same way round";
    if (node->has_input(2) != first.has_input(2)) return "not all projections have a bias";
    if (node->has_input(3)) return node->name + " has a residual";
    if (node->attribute_or("activation", std::string("none")) != "none") return node->name + " has an activation";
    const auto weights = weights_of(rewriter, *node);
    if (!weights || !first_weights)
      return "the weights of " + node->name + " are neither f32 nor symmetric s8 constants";
    if ((weights->dequantize == nullptr) != (first_weights->dequantize == nullptr))
      return "not all projections are quantized";
    if (!(weights->elements->shape() == first_weights->elements->shape())) return "the projections differ in width";
    if (node->has_input(2) && !graph.value(node->inputs[2]).is_constant()) return "a bias is not constant";
  }
  return {};
}

/// Equally shaped tensors as one, put together when it is wanted: `runs` runs of each take turns.
class JoinedElements final : public ElementSource {
 public:
  JoinedElements(std::array<Tensor, 3> parts, std::int64_t runs)
      : parts_(std::move(parts)), runs_(static_cast<std::size_t>(runs)) {}

  void read(std::byte* target) const override {
    const std::size_t bytes = parts_[0].bytes() / runs_;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      const BorrowedElements elements = borrow(parts_[part]);
      for (std::size_t run = 0; run < runs_; ++run)
        std::memcpy(target + (run * parts_.size() + part) * bytes, elements.data + run * bytes, bytes);
    }
  }

 private:
  std::array<Tensor, 3> parts_;
  std::size_t runs_;
};

/// Concatenates equally shaped constants along an axis.
Tensor side_by_side(const std::array<const Tensor*, 3>& parts, std::size_t axis) {
  Shape shape = parts[0]->shape();
  const std::int64_t runs = shape.product(0, axis);
  shape[axis] *= static_cast<std::int64_t>(parts.size());
  return deferred_tensor(
      parts[0]->type(), shape,
      std::make_shared<JoinedElements>(std::array<Tensor, 3>{*parts[0], *parts[1], *parts[2]}, runs));
}

/// The joined weights, behind one DequantizeLinear when they are integers. The node, if any, goes to `nodes`.
ValueId join_weights(Rewriter& rewriter, const Projections& projections, std::vector<Node>& nodes) {
  const Node& first = *projections[0];
  const std::string name = first.name + "_qkv_weight";
  const std::array<Weights, 3> parts{*weights_of(rewriter, first), *weights_of(rewriter, *projections[1]),
                                     *weights_of(rewriter, *projections[2])};
  const ValueId joined = rewriter.add_constant(
      name, side_by_side({parts[0].elements, parts[1].elements, parts[2].elements}, transposed(first) ? 0 : 1));
  if (parts[0].dequantize == nullptr) return joined;
  std::vector<float> scales;
  for (const Weights& part : parts)
    scales.insert(scales.end(), part.quantization.scale.begin(), part.quantization.scale.end());
  const Tensor scale = Tensor::from<float>(Shape{static_cast<std::int64_t>(scales.size())}, scales);
  const ValueId real = rewriter.add_value(name + "_dequantized", DataType::f32);
  nodes.push_back({"DequantizeLinear",
                   name + "_dequantized",
                   {joined, rewriter.add_constant(name + "_scale", scale)},
                   {real},
                   {{"axis", std::int64_t{parts[0].quantization.axis}}}});
  return real;
}

std::size_t merge(Rewriter& rewriter, std::size_t index, const Projections& projections) {
  const Graph& graph = rewriter.graph();
  const Node attention = rewriter.node(index);
  const Node first = *projections[0];
  std::vector<Node> nodes;
  std::vector<ValueId> inputs{first.inputs[0], no_value};
  Tensor bias;
  if (first.has_input(2)) {
    std::array<const Tensor*, 3> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = &graph.value(projections[i]->inputs[2]).constant;
    bias = side_by_side(parts, 0);
  }
  inputs[1] = join_weights(rewriter, projections, nodes);
  if (!bias.empty()) inputs.push_back(rewriter.add_constant(first.name + "_qkv_bias", std::move(bias)));
  const ValueId qkv = rewriter.add_value(first.name + "_qkv", DataType::f32);
  std::vector<ValueId> reads{qkv};
  if (attention.has_input(3)) reads = {qkv, no_value, no_value, attention.inputs[3]};
  nodes.push_back({"FusedMatMul", first.name + "_qkv", inputs, {qkv}, first.attributes});
  nodes.push_back({"FusedAttention", attention.name, reads, attention.outputs, attention.attributes});
  return rewriter.expand(index, std::move(nodes), "merged the projections of Q, K and V");
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
