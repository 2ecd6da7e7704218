#include "ops/fused_activation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ops/expect.hpp"
#include "ops/plain_loops.hpp"
#include "ops/scalar_functions.hpp"

namespace tessera {
namespace {

constexpr std::array<std::string_view, 10> words = {"none",    "relu",         "gelu",  "tanh",       "clip",
                                                    "sigmoid", "hard_sigmoid", "swish", "hard_swish", "gelu_tanh"};

/// NaN stays NaN, and the upper bound wins where the bounds cross.
float clip(float x, float low, float high) {
  const float raised = x < low ? low : x;
  return raised > high ? high : raised;
}

/// A bound of Clip: an attribute up to opset 10, an input since; nothing where it is computed.
std::optional<float> bound_of(const Graph& graph, const Node& node, std::size_t input, const char* attribute,
                              float none) {
  if (!node.has_input(input)) return node.attribute_or(attribute, none);
  const Tensor& constant = graph.value(node.inputs[input]).constant;
  if (constant.empty() || constant.type() != DataType::f32 || constant.shape().elements() != 1) return std::nullopt;
  return constant.as<float>()[0];
}

Attributes fused_attributes(std::string_view word) {
  return {{"activation", std::string(word)}};
}
Attributes fused_attributes(std::string_view word, float first, float second) {
  return {{"activation", std::string(word)}, {"activation_first", first}, {"activation_second", second}};
}

}  // namespace

std::span<const std::string_view> fused_activations() noexcept {
  return words;
}

void expect_fused_activation(const Node& node) {
  const auto name = text_attribute(node, "activation", "none");
  if (std::ranges::find(words, name) != words.end()) return;
  std::string supported;
  for (const std::string_view word : words) supported += (supported.empty() ? "" : ", ") + std::string(word);
  node_error(node, "attribute activation is " + std::string(name) + "; supported: " + supported);
}

void apply_fused_activation(const Node& node, const TensorView& y) {
  const auto name = text_attribute(node, "activation", "none");
  const float first = node.attribute_or("activation_first", 0.0F);
  const float second = node.attribute_or("activation_second", 0.0F);
  const auto apply = [&](auto function) { map_elements<float>(y, y, function); };
  if (name == "relu") apply([](float x) { return relu(x); });
  if (name == "gelu") apply([](float x) { return gelu(x); });
  if (name == "tanh") apply([](float x) { return std::tanh(x); });
  if (name == "clip") apply([=](float x) { return clip(x, first, second); });
  if (name == "sigmoid") apply([](float x) { return sigmoid(x); });
  if (name == "hard_sigmoid") apply([=](float x) { return hard_sigmoid(x, first, second); });
  if (name == "swish") apply([=](float x) { return x * sigmoid(first * x); });
  if (name == "hard_swish") apply([](float x) { return x * hard_sigmoid(x, 1.0F / 6.0F, 0.5F); });
  if (name == "gelu_tanh") apply([](float x) { return gelu_tanh(x); });
}

ActivationOp activation_op(const Node& fused) {
  const auto name = text_attribute(fused, "activation", "none");
  const float first = fused.attribute_or("activation_first", 0.0F);
  const float second = fused.attribute_or("activation_second", 0.0F);
  if (name == "relu") return {"Relu", {}};
  if (name == "gelu") return {"Gelu", {}};
  if (name == "tanh") return {"Tanh", {}};
  if (name == "clip") return {"Clip", {{"min", first}, {"max", second}}};
  if (name == "sigmoid") return {"Sigmoid", {}};
  if (name == "hard_sigmoid") return {"HardSigmoid", {{"alpha", first}, {"beta", second}}};
  if (name == "swish") return {"Swish", {{"alpha", first}}};
  if (name == "hard_swish") return {"HardSwish", {}};
  if (name == "gelu_tanh") return {"Gelu", {{"approximate", std::string("tanh")}}};
  return {};
}

std::optional<Attributes> fused_form(const Graph& graph, const Node& node) {
  if (node.op == "Relu") return fused_attributes("relu");
  if (node.op == "Tanh") return fused_attributes("tanh");
  if (node.op == "Sigmoid") return fused_attributes("sigmoid");
  if (node.op == "HardSwish") return fused_attributes("hard_swish");
  if (node.op == "Swish") return fused_attributes("swish", node.attribute_or("alpha", 1.0F), 0.0F);
  if (node.op == "HardSigmoid")
    return fused_attributes("hard_sigmoid", node.attribute_or("alpha", 0.2F), node.attribute_or("beta", 0.5F));
  if (node.op == "Gelu")
    return fused_attributes(text_attribute(node, "approximate", "none") == "none" ? "gelu" : "gelu_tanh");
  if (node.op != "Clip") return std::nullopt;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const auto low = bound_of(graph, node, 1, "min", -infinity), high = bound_of(graph, node, 2, "max", infinity);
  if (!low || !high) return std::nullopt;
  return fused_attributes("clip", *low, *high);
}

}  // namespace tessera
