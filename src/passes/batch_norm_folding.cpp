// BatchNormalization with constant statistics is y = x * scale + shift per channel. Behind a Conv that nobody else
// reads, it goes into the weights and the bias; anywhere else it becomes Mul and Add. Computed in double, rounded to
// f32 once.
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/deferred_tensor.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

struct Affine {
  std::vector<double> scale, shift;
};

std::optional<Affine> affine_of(const Graph& graph, const Node& node) {
  std::array<std::span<const float>, 4> parts;  // gamma, beta, mean, variance
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Tensor& tensor = graph.value(node.input(i + 1)).constant;
    if (tensor.empty() || tensor.type() != DataType::f32) return std::nullopt;
    parts[i] = tensor.as<float>();
    if (parts[i].size() != parts[0].size()) return std::nullopt;
  }
  const double epsilon = node.attribute_or("epsilon", 1e-5F);
  Affine affine;
  for (std::size_t c = 0; c < parts[0].size(); ++c) {
    affine.scale.push_back(parts[0][c] / std::sqrt(parts[3][c] + epsilon));
    affine.shift.push_back(parts[1][c] - parts[2][c] * affine.scale.back());
  }
  return affine;
}

std::string reason_against(const Node& node) {
  if (node.attribute_or("training_mode", std::int64_t{0}) != 0) return "training_mode is set";
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != no_value) return "its running statistics are outputs";
  }
  return {};
}

/// Floats at any alignment times a factor. Apart, so that the compiler sees that they do not overlap and uses vectors.
void scale_run(const std::byte* __restrict from, double factor, std::size_t count, std::byte* __restrict target) {
  for (std::size_t i = 0; i < count; ++i) {
    float element = 0;
    std::memcpy(&element, from + i * sizeof element, sizeof element);
    element = static_cast<float>(element * factor);
    std::memcpy(target + i * sizeof element, &element, sizeof element);
  }
}

/// Weights times a factor per output channel, computed when they are wanted.
class ScaledWeight final : public ElementSource {
 public:
  ScaledWeight(Tensor weight, std::vector<double> scale) : weight_(std::move(weight)), scale_(std::move(scale)) {}

  void read(std::byte* target) const override {
    const BorrowedElements weight = borrow(weight_);
    const std::size_t channel_bytes = weight_.bytes() / scale_.size();
    for (std::size_t c = 0; c < scale_.size(); ++c)
      scale_run(weight.data + c * channel_bytes, scale_[c], channel_bytes / sizeof(float), target + c * channel_bytes);
  }

 private:
  Tensor weight_;
  std::vector<double> scale_;
};

Tensor scaled_weight(const Tensor& weight, const Affine& affine) {
  return deferred_tensor(DataType::f32, weight.shape(), std::make_shared<ScaledWeight>(weight, affine.scale));
}

Tensor scaled_bias(const Tensor& bias, const Affine& affine) {
  Tensor scaled(DataType::f32, Shape{static_cast<std::int64_t>(affine.scale.size())});
  const auto to = scaled.mutable_as<float>();
  for (std::size_t c = 0; c < to.size(); ++c) {
    const double before = bias.empty() ? 0.0 : static_cast<double>(bias.as<float>()[c]);
    to[c] = static_cast<float>(before * affine.scale[c] + affine.shift[c]);
  }
  return scaled;
}

/// Folds into the Conv in front; false (with the reason noted) when there is none to fold into.
bool fold_into_conv(Rewriter& rewriter, std::size_t index, const Affine& affine) {
  const Graph& graph = rewriter.graph();
  const Node& norm = rewriter.node(index);
  const Node* conv = rewriter.producer(norm.inputs[0], "Conv");
  if (conv == nullptr) return false;
  if (!rewriter.may_vanish(norm, norm.inputs[0])) return false;
  const Tensor weight = graph.value(conv->inputs[1]).constant;
  const Tensor bias = conv->has_input(2) ? graph.value(conv->inputs[2]).constant : Tensor();
  if (weight.empty() || weight.type() != DataType::f32 || (conv->has_input(2) && bias.empty())) {
    rewriter.decline(norm, "the weights of " + conv->name + " are not constant");
    return false;
  }
  const ValueId x = conv->inputs[0];
  const ValueId new_weight = rewriter.add_constant(graph.value(conv->inputs[1]).name, scaled_weight(weight, affine));
  const ValueId new_bias = rewriter.add_constant(conv->name + "_bias", scaled_bias(bias, affine));
  rewriter.replace(index, {"Conv", conv->name, {x, new_weight, new_bias}, conv->attributes}, "folded " + norm.name);
  return true;
}

/// The per-channel vector shaped to broadcast against axis 1 of a tensor of that rank.
Tensor channel_vector(const std::vector<double>& values, std::size_t rank) {
  Shape shape{static_cast<std::int64_t>(values.size())};
  for (std::size_t i = 2; i < rank; ++i) shape.push_back(1);
  Tensor tensor(DataType::f32, shape);
  for (std::size_t c = 0; c < values.size(); ++c) tensor.mutable_as<float>()[c] = static_cast<float>(values[c]);
  return tensor;
}

std::size_t become_mul_add(Rewriter& rewriter, std::size_t index, const Affine& affine) {
  const Node norm = rewriter.node(index);
  const std::size_t rank = rewriter.graph().value(norm.inputs[0]).shape.rank();
  const ValueId scale = rewriter.add_constant(norm.name + "_scale", channel_vector(affine.scale, rank));
  const ValueId shift = rewriter.add_constant(norm.name + "_shift", channel_vector(affine.shift, rank));
  const ValueId product = rewriter.add_value(norm.name + "_scaled", DataType::f32);
  Node mul{"Mul", norm.name + "_mul", {norm.inputs[0], scale}, {product}, {}};
  Node add{"Add", norm.name, {product, shift}, {norm.outputs[0]}, {}};
  return rewriter.expand(index, {std::move(mul), std::move(add)}, "became Mul and Add per channel");
}

}  // namespace

int fold_batch_norm(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "batch_norm_folding", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    if (node.op != "BatchNormalization") continue;
    if (const std::string why = reason_against(node); !why.empty()) {
      rewriter.decline(node, why);
      continue;
    }
    const auto affine = affine_of(graph, node);
    if (!affine) {
      rewriter.decline(node, "its statistics are not constant");
      continue;
    }
    if (fold_into_conv(rewriter, i, *affine)) continue;
    if (!graph.value(node.inputs[0]).shape.ranked) {
      rewriter.decline(node, "the rank of its input is not known");
      continue;
    }
    i = become_mul_add(rewriter, i, *affine);
  }
  return rewriter.count();
}

}  // namespace tessera::passes
