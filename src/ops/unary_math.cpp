// Functions of one real number: trigonometry, rounding, tests for NaN and infinity, and the activation functions that
// few networks use.
#include <cmath>
#include <limits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"
#include "ops/scalar_functions.hpp"

namespace tessera {
namespace {

void infer_test(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  set_output(graph, node, 0, DataType::boolean, input_value(graph, node, 0).shape);
}

void infer_sign(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32, DataType::i64, DataType::s32});
  set_output(graph, node, 0, input_value(graph, node, 0).type, input_value(graph, node, 0).shape);
}

/// function(x, alpha) with the default that ONNX gives attribute alpha.
template <float (*function)(float, float), int default_in_thousandths>
void evaluate_with_alpha(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const float alpha = node.attribute_or("alpha", static_cast<float>(default_in_thousandths) / 1000.0F);
  map_elements<float>(inputs[0], outputs[0], [=](float x) { return function(x, alpha); });
}

float sine(float x) {
  return std::sin(x);
}
float cosine(float x) {
  return std::cos(x);
}
float tangent(float x) {
  return std::tan(x);
}
float arc_sine(float x) {
  return std::asin(x);
}
float arc_cosine(float x) {
  return std::acos(x);
}
float arc_tangent(float x) {
  return std::atan(x);
}
float hyperbolic_sine(float x) {
  return std::sinh(x);
}
float hyperbolic_cosine(float x) {
  return std::cosh(x);
}
float area_sine(float x) {
  return std::asinh(x);
}
float area_cosine(float x) {
  return std::acosh(x);
}
float area_tangent(float x) {
  return std::atanh(x);
}
float round_up(float x) {
  return std::ceil(x);
}
float round_down(float x) {
  return std::floor(x);
}
/// Halves go to the even neighbour: the rounding mode that sessions run in.
float round_to_nearest(float x) {
  return std::nearbyint(x);
}
/// log(1 + e^x) without overflow.
float softplus(float x) {
  return std::fmax(x, 0.0F) + std::log1p(std::exp(-std::fabs(x)));
}
float softsign(float x) {
  return x / (1.0F + std::fabs(x));
}
float mish(float x) {
  return x * std::tanh(softplus(x));
}
float elu(float x, float alpha) {
  return x < 0.0F ? alpha * std::expm1(x) : x;
}
float celu(float x, float alpha) {
  return x < 0.0F ? alpha * std::expm1(x / alpha) : x;
}
float thresholded_relu(float x, float alpha) {
  return x > alpha ? x : 0.0F;
}

void evaluate_selu(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const float alpha = node.attribute_or("alpha", 1.67326319217681884765625F);
  const float gamma = node.attribute_or("gamma", 1.05070102214813232421875F);
  map_elements<float>(inputs[0], outputs[0], [=](float x) { return gamma * elu(x, alpha); });
}

void evaluate_shrink(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const float bias = node.attribute_or("bias", 0.0F), limit = node.attribute_or("lambd", 0.5F);
  map_elements<float>(inputs[0], outputs[0], [=](float x) {
    if (x < -limit) return x + bias;
    return x > limit ? x - bias : 0.0F;
  });
}

template <typename T>
void signs(const TensorView& x, const TensorView& y) {
  map_elements<T>(x, y, [](T value) { return value > T{0} ? T{1} : value < T{0} ? static_cast<T>(-1) : value; });
}

void evaluate_sign(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  switch (inputs[0].type) {
    case DataType::s32: return signs<std::int32_t>(inputs[0], outputs[0]);
    case DataType::i64: return signs<std::int64_t>(inputs[0], outputs[0]);
    default: return signs<float>(inputs[0], outputs[0]);
  }
}

void evaluate_is_nan(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const auto x = inputs[0].as<float>();
  const auto y = outputs[0].as<bool>();
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = std::isnan(x[i]);
}

void evaluate_is_inf(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const bool positive = node.attribute_or<std::int64_t>("detect_positive", 1) != 0;
  const bool negative = node.attribute_or<std::int64_t>("detect_negative", 1) != 0;
  const auto x = inputs[0].as<float>();
  const auto y = outputs[0].as<bool>();
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = std::isinf(x[i]) && (x[i] > 0 ? positive : negative);
}

using Evaluate = decltype(OpSchema::evaluate);

OpSchema function(std::string_view name, Evaluate evaluate, int since, std::vector<AttributeSpec> attributes = {}) {
  return {name,
          1,
          1,
          1,
          std::move(attributes),
          infer_function,
          evaluate,
          ItemRule::first_input,
          OpKind::elementwise,
          Codes::numbers,
          since};
}

}  // namespace

std::vector<OpSchema> unary_math_ops() {
  const std::vector<AttributeSpec> alpha{{"alpha", AttributeKind::real}};
  constexpr auto elementwise = OpKind::elementwise;
  return {
      function("Sin", evaluate_function<sine>, 7),
      function("Cos", evaluate_function<cosine>, 7),
      function("Tan", evaluate_function<tangent>, 7),
      function("Asin", evaluate_function<arc_sine>, 7),
      function("Acos", evaluate_function<arc_cosine>, 7),
      function("Atan", evaluate_function<arc_tangent>, 7),
      function("Sinh", evaluate_function<hyperbolic_sine>, 9),
      function("Cosh", evaluate_function<hyperbolic_cosine>, 9),
      function("Asinh", evaluate_function<area_sine>, 9),
      function("Acosh", evaluate_function<area_cosine>, 9),
      function("Atanh", evaluate_function<area_tangent>, 9),
      function("Ceil", evaluate_function<round_up>, 1),
      function("Floor", evaluate_function<round_down>, 1),
      function("Round", evaluate_function<round_to_nearest>, 11),
      function("Softplus", evaluate_function<softplus>, 1),
      function("Softsign", evaluate_function<softsign>, 1),
      function("Mish", evaluate_function<mish>, 18),
      function("Elu", evaluate_with_alpha<elu, 1000>, 1, alpha),
      function("Celu", evaluate_with_alpha<celu, 1000>, 12, alpha),
      function("ThresholdedRelu", evaluate_with_alpha<thresholded_relu, 1000>, 10, alpha),
      function("Selu", evaluate_selu, 1, {{"alpha", AttributeKind::real}, {"gamma", AttributeKind::real}}),
      function("Shrink", evaluate_shrink, 9, {{"bias", AttributeKind::real}, {"lambd", AttributeKind::real}}),
      {"Sign", 1, 1, 1, {}, infer_sign, evaluate_sign, ItemRule::first_input, elementwise, Codes::numbers, 9},
      {"IsNaN", 1, 1, 1, {}, infer_test, evaluate_is_nan, ItemRule::first_input, elementwise, Codes::numbers, 9},
      {"IsInf",
       1,
       1,
       1,
       {{"detect_negative", AttributeKind::integer}, {"detect_positive", AttributeKind::integer}},
       infer_test,
       evaluate_is_inf,
       ItemRule::first_input,
       elementwise,
       Codes::numbers,
       10},
  };
}

}  // namespace tessera
