// Activation functions as nodes of their own. All are f32 to f32; Clip also takes integers.
#include <limits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"
#include "ops/scalar_functions.hpp"

namespace tessera {
namespace {

float hyperbolic_tangent(float x) {
  return std::tanh(x);
}

void infer_gelu(Graph& graph, const Node& node) {
  const auto approximate = text_attribute(node, "approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    node_error(node, "attribute approximate is " + std::string(approximate) + "; supported: none, tanh");
  infer_function(graph, node);
}

void evaluate_gelu(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const bool exact = text_attribute(node, "approximate", "none") == "none";
  map_elements<float>(inputs[0], outputs[0], [=](float x) { return exact ? gelu(x) : gelu_tanh(x); });
}

void evaluate_leaky_relu(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const float alpha = node.attribute_or("alpha", 0.01F);
  map_elements<float>(inputs[0], outputs[0], [=](float x) { return x < 0.0F ? alpha * x : x; });
}

void evaluate_hard_sigmoid(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const float alpha = node.attribute_or("alpha", 0.2F);
  const float beta = node.attribute_or("beta", 0.5F);
  map_elements<float>(inputs[0], outputs[0], [=](float x) { return hard_sigmoid(x, alpha, beta); });
}

void evaluate_hard_swish(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  map_elements<float>(inputs[0], outputs[0], [](float x) { return x * hard_sigmoid(x, 1.0F / 6.0F, 0.5F); });
}

void evaluate_swish(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const float alpha = node.attribute_or("alpha", 1.0F);
  map_elements<float>(inputs[0], outputs[0], [=](float x) { return x * sigmoid(alpha * x); });
}

/// The bounds are inputs since opset 11 and were attributes before.
void infer_clip(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32, DataType::i64, DataType::s32});
  for (std::size_t bound = 1; bound < 3; ++bound) {
    if (!node.has_input(bound)) continue;
    expect_same_type(graph, node, 0, bound);
    const SymbolicShape& shape = input_value(graph, node, bound).shape;
    if (shape.concrete() && shape.to_shape().elements() != 1)
      node_error(node, "bound " + std::to_string(bound) + " has shape " + to_string(shape) + "; a scalar is needed");
  }
  const Value& x = input_value(graph, node, 0);
  if (x.type != DataType::f32 && (node.find_attribute<float>("min") || node.find_attribute<float>("max")))
    node_error(node, "attributes min and max are only defined for f32");
  set_output(graph, node, 0, x.type, x.shape);
}

/// A bound from its input, else from the attribute, else none at all.
template <typename T>
T bound_of(const Node& node, std::span<const TensorView> inputs, std::size_t index, std::string_view attribute,
           T none) {
  if (given(inputs, index)) return inputs[index].as<T>()[0];
  const float* held = node.find_attribute<float>(attribute);
  return held == nullptr ? none : static_cast<T>(*held);
}

template <typename T>
void clip(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  using Limits = std::numeric_limits<T>;
  const T least = bound_of(node, inputs, 1, "min", Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
  const T most = bound_of(node, inputs, 2, "max", Limits::has_infinity ? Limits::infinity() : Limits::max());
  // Comparisons this way round let NaN through, and the upper bound win where the bounds cross, as NumPy has it.
  map_elements<T>(inputs[0], outputs[0], [=](T x) {
    const T raised = x < least ? least : x;
    return raised > most ? most : raised;
  });
}

void evaluate_clip(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  switch (inputs[0].type) {
    case DataType::s32: return clip<std::int32_t>(node, inputs, outputs);
    case DataType::i64: return clip<std::int64_t>(node, inputs, outputs);
    default: return clip<float>(node, inputs, outputs);
  }
}

}  // namespace

std::vector<OpSchema> activation_ops() {
  constexpr auto real = AttributeKind::real;
  return {{"Relu",
           1,
           1,
           1,
           {},
           infer_function,
           evaluate_function<relu>,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           1},
          {"Sigmoid",
           1,
           1,
           1,
           {},
           infer_function,
           evaluate_function<sigmoid>,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           1},
          {"Tanh",
           1,
           1,
           1,
           {},
           infer_function,
           evaluate_function<hyperbolic_tangent>,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           1},
          {"Gelu",
           1,
           1,
           1,
           {{"approximate", AttributeKind::string}},
           infer_gelu,
           evaluate_gelu,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           20},
          {"Clip",
           1,
           3,
           1,
           {{"min", real}, {"max", real}},
           infer_clip,
           evaluate_clip,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           1},
          {"LeakyRelu",
           1,
           1,
           1,
           {{"alpha", real}},
           infer_function,
           evaluate_leaky_relu,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           1},
          {"HardSigmoid",
           1,
           1,
           1,
           {{"alpha", real}, {"beta", real}},
           infer_function,
           evaluate_hard_sigmoid,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           1},
          {"HardSwish",
           1,
           1,
           1,
           {},
           infer_function,
           evaluate_hard_swish,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           14},
          {"Swish",
           1,
           1,
           1,
           {{"alpha", real}},
           infer_function,
           evaluate_swish,
           ItemRule::first_input,
           OpKind::elementwise,
           Codes::numbers,
           24}};
}

}  // namespace tessera
