// Normalisations of parts of a tensor other than those in normalization.cpp: per image (InstanceNormalization), per
// group of channels (GroupNormalization), by the root mean square (RMSNormalization), by a norm along an axis
// (LpNormalization), across neighbouring channels (LRN), and LogSoftmax and Hardmax along an axis.
#include <algorithm>
#include <cmath>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

struct Moments {
  float mean, deviation;
};

/// Mean and standard deviation; the variance in a second pass, from the differences.
Moments moments(const float* x, std::int64_t n, float epsilon) {
  const auto count = static_cast<float>(n);
  const float mean = sum(x, n) / count;
  const float variance = sum_in_lanes(n, [=](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); }) / count;
  return {mean, std::sqrt(variance + epsilon)};
}

void expect_image(const Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  const SymbolicShape& x = input_value(graph, node, 0).shape;
  if (x.rank() < 3) node_error(node, "input " + to_string(x) + "; [batch, channels, extents ...] is needed");
}

void infer_instance(Graph& graph, const Node& node) {
  expect_image(graph, node);
  const SymbolicShape x = input_value(graph, node, 0).shape;
  expect_shape(graph, node, 1, SymbolicShape{x.dims[1]});
  expect_shape(graph, node, 2, SymbolicShape{x.dims[1]});
  set_output(graph, node, 0, DataType::f32, x);
}

/// `groups` of channels are normalised together; scale and bias are per channel, or per group before opset 21.
void normalise_groups(std::span<const TensorView> inputs, const TensorView& y, std::int64_t groups, float epsilon) {
  const Shape& shape = inputs[0].shape;
  const std::int64_t channels = shape[1], plane = shape.product(2, shape.rank());
  const std::int64_t of_group = channels / groups, parameters = inputs[1].shape.elements();
  for (std::int64_t group = 0; group < shape[0] * groups; ++group) {
    const float* x = inputs[0].as<float>().data() + group * of_group * plane;
    float* target = y.as<float>().data() + group * of_group * plane;
    const auto [mean, deviation] = moments(x, of_group * plane, epsilon);
    for (std::int64_t i = 0; i < of_group * plane; ++i) {
      const std::int64_t channel = group % groups * of_group + i / plane;
      const auto p = static_cast<std::size_t>(parameters == channels ? channel : group % groups);
      target[i] = (x[i] - mean) / deviation * inputs[1].as<float>()[p] + inputs[2].as<float>()[p];
    }
  }
}

void evaluate_instance(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  normalise_groups(inputs, outputs[0], inputs[0].shape[1], node.attribute_or("epsilon", 1e-5F));
}

void infer_group(Graph& graph, const Node& node) {
  expect_image(graph, node);
  expect_attribute(node, "stash_type", 1);
  const SymbolicShape x = input_value(graph, node, 0).shape;
  const auto groups = node.attribute_or<std::int64_t>("num_groups", 0);
  if (groups < 1 || !x.dims[1].known() || x.dims[1].value() % groups != 0)
    node_error(node, "attribute num_groups does not divide its " + to_string(x.dims[1]) + " channels");
  for (std::size_t i = 1; i < 3; ++i) {
    expect_rank(graph, node, i, 1);
    const Dim& entries = input_value(graph, node, i).shape.dims[0];
    if (!(entries == x.dims[1]) && !(entries == Dim(groups)))
      node_error(node, "input " + std::to_string(i) + " has " + to_string(entries) + " entries");
  }
  set_output(graph, node, 0, DataType::f32, x);
}

void evaluate_group(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  normalise_groups(inputs, outputs[0], node.attribute_or<std::int64_t>("num_groups", 1),
                   node.attribute_or("epsilon", 1e-5F));
}

// ---- RMSNormalization ----

void infer_rms(Graph& graph, const Node& node) {
  expect_real(graph, node, 0);
  expect_type(graph, node, 1, {DataType::f32});
  expect_attribute(node, "stash_type", 1);
  const SymbolicShape x = input_value(graph, node, 0).shape;
  normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), x.rank());
  const SymbolicShape& scale = input_value(graph, node, 1).shape;
  if (broadcast_shape(node, x, scale).rank() != x.rank()) node_error(node, "its scale has more axes than its input");
  set_output(graph, node, 0, stored_type(graph, node), x);
}

void evaluate_rms(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), shape.rank());
  const std::int64_t n = shape.product(axis, shape.rank());
  const float epsilon = node.attribute_or("epsilon", 1e-5F);
  for (std::int64_t row = 0; row < shape.product(0, axis); ++row) {
    const float* x = inputs[0].as<float>().data() + row * n;
    float* y = outputs[0].as<float>().data() + row * n;
    const float root = std::sqrt(dot(x, x, n) / static_cast<float>(n) + epsilon);
    for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] / root;
  }
  broadcast_elements<float, float, float>(outputs[0], inputs[1], outputs[0], [](float x, float s) { return x * s; });
}

// ---- along one axis ----

void infer_along_axis(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  const SymbolicShape x = input_value(graph, node, 0).shape;
  const bool flattened = graph.opset < 13 && node.op != "LpNormalization";
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", flattened ? 1 : -1), x.rank());
  if (flattened && axis + 1 != x.rank())
    node_error(node, "before opset 13 only the last axis is supported", "convert the model to opset 13 or later");
  set_output(graph, node, 0, DataType::f32, x);
}

/// Calls body(first element of x, of y, number of elements, distance of neighbours) for every line along the axis.
template <typename Body>
void for_each_line(const Node& node, const TensorView& x, const TensorView& y, Body body) {
  if (x.shape.elements() == 0) return;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), x.shape.rank());
  const std::int64_t n = x.shape[axis], inner = x.shape.product(axis + 1, x.shape.rank());
  for (std::int64_t line = 0; line < x.shape.elements() / n; ++line) {
    const std::int64_t start = line / inner * n * inner + line % inner;
    body(x.as<float>().data() + start, y.as<float>().data() + start, n, inner);
  }
}

void evaluate_log_softmax(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  for_each_line(node, inputs[0], outputs[0], [](const float* x, float* y, std::int64_t n, std::int64_t step) {
    float largest = x[0], total = 0.0F;
    for (std::int64_t i = 1; i < n; ++i) largest = std::max(largest, x[i * step]);
    for (std::int64_t i = 0; i < n; ++i) total += std::exp(x[i * step] - largest);
    const float logarithm = std::log(total);
    for (std::int64_t i = 0; i < n; ++i) y[i * step] = x[i * step] - largest - logarithm;
  });
}

void evaluate_hardmax(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  for_each_line(node, inputs[0], outputs[0], [](const float* x, float* y, std::int64_t n, std::int64_t step) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < n; ++i)
      if (x[i * step] > x[best * step]) best = i;
    for (std::int64_t i = 0; i < n; ++i) y[i * step] = i == best ? 1.0F : 0.0F;
  });
}

void evaluate_lp(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const auto p = node.attribute_or<std::int64_t>("p", 2);
  if (p != 1 && p != 2) node_error(node, "attribute p is " + std::to_string(p) + "; supported: 1, 2");
  for_each_line(node, inputs[0], outputs[0], [=](const float* x, float* y, std::int64_t n, std::int64_t step) {
    float norm = 0.0F;
    for (std::int64_t i = 0; i < n; ++i) norm += p == 1 ? std::fabs(x[i * step]) : x[i * step] * x[i * step];
    if (p == 2) norm = std::sqrt(norm);
    for (std::int64_t i = 0; i < n; ++i) y[i * step] = norm == 0.0F ? 0.0F : x[i * step] / norm;
  });
}

// ---- LRN ----

void infer_lrn(Graph& graph, const Node& node) {
  expect_image(graph, node);
  if (node.attribute_or<std::int64_t>("size", 0) < 1) node_error(node, "attribute size is missing or not positive");
  set_output(graph, node, 0, DataType::f32, SymbolicShape(input_value(graph, node, 0).shape));
}

void evaluate_lrn(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  const std::int64_t channels = shape[1], plane = shape.product(2, shape.rank());
  const std::int64_t size = std::min(node.attribute_or<std::int64_t>("size", 1), 2 * channels + 1);
  const float alpha = node.attribute_or("alpha", 1e-4F), beta = node.attribute_or("beta", 0.75F);
  const float bias = node.attribute_or("bias", 1.0F);
  const float* x = inputs[0].as<float>().data();
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const std::int64_t c = i / plane % channels;
    const std::int64_t first = std::max<std::int64_t>(0, c - (size - 1) / 2);
    const std::int64_t last = std::min(channels - 1, c + size / 2);
    float squares = 0.0F;
    for (std::int64_t k = first; k <= last; ++k) squares += x[i + (k - c) * plane] * x[i + (k - c) * plane];
    const float factor = bias + alpha / static_cast<float>(node.attribute_or<std::int64_t>("size", 1)) * squares;
    outputs[0].as<float>()[static_cast<std::size_t>(i)] = x[i] / std::pow(factor, beta);
  }
}

}  // namespace

std::vector<OpSchema> group_norm_ops() {
  using enum AttributeKind;
  constexpr auto kind = OpKind::normalisation;
  return {
      {"InstanceNormalization",
       3,
       3,
       1,
       {{"epsilon", real}},
       infer_instance,
       evaluate_instance,
       ItemRule::first_input,
       kind,
       Codes::numbers,
       1},
      {"GroupNormalization",
       3,
       3,
       1,
       {{"epsilon", real}, {"num_groups", integer}, {"stash_type", integer}},
       infer_group,
       evaluate_group,
       ItemRule::first_input,
       kind,
       Codes::numbers,
       18},
      {"RMSNormalization",
       2,
       2,
       1,
       {{"axis", integer}, {"epsilon", real}, {"stash_type", integer}},
       infer_rms,
       evaluate_rms,
       ItemRule::mixes,
       kind,
       Codes::numbers,
       23},
      {"LpNormalization",
       1,
       1,
       1,
       {{"axis", integer}, {"p", integer}},
       infer_along_axis,
       evaluate_lp,
       ItemRule::inner_axis,
       kind,
       Codes::numbers,
       1},
      {"LRN",
       1,
       1,
       1,
       {{"alpha", real}, {"beta", real}, {"bias", real}, {"size", integer}},
       infer_lrn,
       evaluate_lrn,
       ItemRule::first_input,
       kind,
       Codes::numbers,
       1},
      {"LogSoftmax",
       1,
       1,
       1,
       {{"axis", integer}},
       infer_along_axis,
       evaluate_log_softmax,
       ItemRule::inner_axis,
       kind,
       Codes::numbers,
       1},
      {"Hardmax",
       1,
       1,
       1,
       {{"axis", integer}},
       infer_along_axis,
       evaluate_hardmax,
       ItemRule::inner_axis,
       kind,
       Codes::numbers,
       1},
  };
}

}  // namespace tessera
