// Normalisations in f32: LayerNormalization, BatchNormalization as it is at inference, and Softmax.
#include <algorithm>
#include <cmath>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

void infer_layer_normalization(Graph& graph, const Node& node) {
  expect_real(graph, node, 0);
  expect_type(graph, node, 1, {DataType::f32});
  expect_type(graph, node, 2, {DataType::f32});
  expect_attribute(node, "stash_type", 1);  // statistics in f32
  const SymbolicShape& x = input_value(graph, node, 0).shape;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), x.rank());
  const SymbolicShape normalised(std::vector<Dim>(x.dims.begin() + static_cast<std::ptrdiff_t>(axis), x.dims.end()));
  expect_shape(graph, node, 1, normalised);
  expect_shape(graph, node, 2, normalised);
  set_output(graph, node, 0, stored_type(graph, node), x);
}

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias; the variance in a second pass, from the differences.
void layer_norm_row(const float* x, const float* scale, const float* bias, float epsilon, float* y, std::int64_t n) {
  const auto count = static_cast<float>(n);
  const float mean = sum(x, n) / count;
  const float variance = sum_in_lanes(n, [=](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); }) / count;
  const float deviation = std::sqrt(variance + epsilon);
  for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) / deviation * scale[i] + (bias == nullptr ? 0.0F : bias[i]);
}

void evaluate_layer_normalization(const Node& node, std::span<const TensorView> inputs,
                                  std::span<const TensorView> outputs) {
  expect_plain(node, inputs, outputs);
  const Shape& shape = inputs[0].shape;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), shape.rank());
  const std::int64_t rows = shape.product(0, axis);
  const std::int64_t n = shape.product(axis, shape.rank());
  const float epsilon = node.attribute_or("epsilon", 1e-5F);
  const float* bias = given(inputs, 2) ? inputs[2].as<float>().data() : nullptr;
  for (std::int64_t row = 0; row < rows; ++row)
    layer_norm_row(inputs[0].as<float>().data() + row * n, inputs[1].as<float>().data(), bias, epsilon,
                   outputs[0].as<float>().data() + row * n, n);
}

void infer_batch_normalization(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  expect_attribute(node, "training_mode", 0);
  expect_attribute(node, "spatial", 1);
  const SymbolicShape& x = input_value(graph, node, 0).shape;
  if (x.rank() < 2) node_error(node, "input 0 has shape " + to_string(x) + "; [batch, channels, ...] is needed");
  for (std::size_t i = 1; i < 5; ++i) expect_shape(graph, node, i, SymbolicShape{x.dims[1]});
  set_output(graph, node, 0, DataType::f32, x);
}

void evaluate_batch_normalization(const Node& node, std::span<const TensorView> inputs,
                                  std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  const std::int64_t channels = shape[1];
  const std::int64_t n = shape.product(2, shape.rank());
  const float epsilon = node.attribute_or("epsilon", 1e-5F);
  const auto scale = inputs[1].as<float>(), bias = inputs[2].as<float>();
  const auto mean = inputs[3].as<float>(), variance = inputs[4].as<float>();
  for (std::int64_t plane = 0; plane < shape[0] * channels; ++plane) {
    const auto c = static_cast<std::size_t>(plane % channels);
    const float factor = scale[c] / std::sqrt(variance[c] + epsilon);
    const float* x = inputs[0].as<float>().data() + plane * n;
    float* y = outputs[0].as<float>().data() + plane * n;
    for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean[c]) * factor + bias[c];
  }
}

/// Before opset 13 Softmax ran over all axes from `axis` on, together, and `axis` was 1 by default.
void infer_softmax(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  const SymbolicShape& x = input_value(graph, node, 0).shape;
  const bool flattens = graph.opset < 13;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", flattens ? 1 : -1), x.rank());
  if (flattens && axis + 1 != x.rank())
    node_error(node,
               "attribute axis is " + std::to_string(axis) + " for rank " + std::to_string(x.rank()) +
                   "; before opset 13 only the last axis is supported",
               "convert the model to opset 13 or later");
  set_output(graph, node, 0, DataType::f32, x);
}

/// Softmax over n elements that lie `step` apart.
void softmax_line(const float* x, float* y, std::int64_t n, std::int64_t step) {
  float largest = x[0];
  for (std::int64_t i = 1; i < n; ++i) largest = std::max(largest, x[i * step]);
  float total = 0.0F;
  for (std::int64_t i = 0; i < n; ++i) total += y[i * step] = std::exp(x[i * step] - largest);
  for (std::int64_t i = 0; i < n; ++i) y[i * step] /= total;
}

void evaluate_softmax(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  if (shape.elements() == 0) return;
  // Where the default depends on the opset, inference has only let the last axis through.
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), shape.rank());
  const std::int64_t n = shape[axis];
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  for (std::int64_t line = 0; line < shape.elements() / n; ++line) {
    const std::int64_t start = line / inner * n * inner + line % inner;
    softmax_line(inputs[0].as<float>().data() + start, outputs[0].as<float>().data() + start, n, inner);
  }
}

}  // namespace

std::vector<OpSchema> normalization_ops() {
  constexpr auto integer = AttributeKind::integer;
  constexpr auto real = AttributeKind::real;
  const std::vector<AttributeSpec> layer{{"axis", integer}, {"epsilon", real}, {"stash_type", integer}};
  const std::vector<AttributeSpec> batch{
      {"epsilon", real}, {"momentum", real}, {"spatial", integer}, {"training_mode", integer}};
  return {{"LayerNormalization", 2, 3, 1, layer, infer_layer_normalization, evaluate_layer_normalization,
           ItemRule::inner_axis, OpKind::normalisation, Codes::reals, 17},
          {"BatchNormalization", 5, 5, 1, batch, infer_batch_normalization, evaluate_batch_normalization,
           ItemRule::first_input, OpKind::normalisation, Codes::numbers, 1},
          {"Softmax",
           1,
           1,
           1,
           {{"axis", integer}},
           infer_softmax,
           evaluate_softmax,
           ItemRule::inner_axis,
           OpKind::normalisation,
           Codes::numbers,
           1}};
}

}  // namespace tessera
