// QuantizeLinear and DequantizeLinear, per tensor and per axis: real = scale * (q - zero_point).
#include <cmath>
#include <limits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

/// Element types by the numbers ONNX gives them.
enum OnnxType : std::int64_t { onnx_absent = 0, onnx_uint8 = 2, onnx_int8 = 3 };

std::size_t axis_of(const Node& node, std::size_t rank) {
  return normalised_axis(node, node.attribute_or<std::int64_t>("axis", 1), rank);
}

/// Scale and zero point are scalars, or vectors as long as the axis.
void expect_parameters(const Graph& graph, const Node& node) {
  expect_type(graph, node, 1, {DataType::f32});
  expect_attribute(node, "block_size", 0);
  const SymbolicShape& x = input_value(graph, node, 0).shape;
  const SymbolicShape& scale = input_value(graph, node, 1).shape;
  if (scale.rank() > 1)
    node_error(node, "the scale has shape " + to_string(scale) + "; per tensor and per axis are supported");
  if (scale.rank() == 1 && scale.dims[0] != Dim(1))
    expect_extent(node, "the number of scales", scale.dims[0], x.dims[axis_of(node, x.rank())]);
  if (!node.has_input(2)) return;
  const SymbolicShape& zero_point = input_value(graph, node, 2).shape;
  // One number is one number, whether its shape is [] or [1]: quantizers mix the two.
  const auto is_one = [](const SymbolicShape& shape) { return shape.rank() == 0 || shape.dims[0] == Dim(1); };
  if (zero_point != scale && !(zero_point.rank() <= 1 && is_one(zero_point) && is_one(scale)))
    node_error(node, "the zero point has shape " + to_string(zero_point) + " but the scale " + to_string(scale));
}

void infer_quantize(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  expect_type(graph, node, 2, {DataType::u8, DataType::s8});
  expect_parameters(graph, node);
  const auto asked = node.attribute_or<std::int64_t>("output_dtype", onnx_absent);
  if (asked != onnx_absent && asked != onnx_uint8 && asked != onnx_int8)
    node_error(node, "attribute output_dtype is " + std::to_string(asked) + "; uint8 (2) and int8 (3) are supported");
  DataType type = asked == onnx_int8 ? DataType::s8 : DataType::u8;
  if (node.has_input(2)) {
    if (asked != onnx_absent && type != input_value(graph, node, 2).type)
      node_error(node, "attribute output_dtype disagrees with the type of the zero point");
    type = input_value(graph, node, 2).type;
  }
  set_output(graph, node, 0, type, input_value(graph, node, 0).shape);
}

void infer_dequantize(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::u8, DataType::s8, DataType::s32});
  if (node.has_input(2)) expect_same_type(graph, node, 0, 2);
  expect_parameters(graph, node);
  set_output(graph, node, 0, DataType::f32, input_value(graph, node, 0).shape);
}

/// Calls body(first, count, channel) for every run of elements that share a scale.
template <typename Body>
void for_each_run(const Node& node, const TensorView& x, const TensorView& scale, Body body) {
  if (scale.shape.elements() == 1) return body(std::int64_t{0}, x.shape.elements(), std::size_t{0});
  const std::size_t axis = axis_of(node, x.shape.rank());
  const std::int64_t channels = x.shape[axis];
  const std::int64_t count = x.shape.product(axis + 1, x.shape.rank());
  for (std::int64_t run = 0; run < x.shape.product(0, axis + 1); ++run)
    body(run * count, count, static_cast<std::size_t>(run % channels));
}

template <typename Q>
std::int32_t zero_point_of(std::span<const TensorView> inputs, std::size_t channel) {
  if (!given(inputs, 2)) return 0;
  return static_cast<std::int32_t>(inputs[2].as<Q>()[channel]);
}

/// Ties go to the even number; what lies outside the range, and NaN, saturates.
template <typename Q>
Q quantize(float x, float scale, std::int32_t zero_point) {
  const auto least = static_cast<float>(std::numeric_limits<Q>::min() - zero_point);
  const auto most = static_cast<float>(std::numeric_limits<Q>::max() - zero_point);
  float rounded = std::nearbyint(x / scale);
  if (!(rounded > least)) rounded = least;
  if (rounded > most) rounded = most;
  return static_cast<Q>(static_cast<std::int32_t>(rounded) + zero_point);
}

template <typename Q>
void quantize_all(const Node& node, std::span<const TensorView> inputs, const TensorView& y) {
  const float* x = inputs[0].as<float>().data();
  Q* q = y.as<Q>().data();
  for_each_run(node, inputs[0], inputs[1], [&](std::int64_t first, std::int64_t count, std::size_t channel) {
    const float scale = inputs[1].as<float>()[channel];
    const std::int32_t zero_point = zero_point_of<Q>(inputs, channel);
    for (std::int64_t i = first; i < first + count; ++i) q[i] = quantize<Q>(x[i], scale, zero_point);
  });
}

void evaluate_quantize(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  if (outputs[0].type == DataType::s8) return quantize_all<std::int8_t>(node, inputs, outputs[0]);
  quantize_all<std::uint8_t>(node, inputs, outputs[0]);
}

template <typename Q>
void dequantize_all(const Node& node, std::span<const TensorView> inputs, const TensorView& y) {
  const Q* q = inputs[0].as<Q>().data();
  float* real = y.as<float>().data();
  for_each_run(node, inputs[0], inputs[1], [&](std::int64_t first, std::int64_t count, std::size_t channel) {
    const float scale = inputs[1].as<float>()[channel];
    const std::int64_t zero_point = zero_point_of<Q>(inputs, channel);
    for (std::int64_t i = first; i < first + count; ++i) real[i] = static_cast<float>(q[i] - zero_point) * scale;
  });
}

void evaluate_dequantize(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  switch (inputs[0].type) {
    case DataType::s8: return dequantize_all<std::int8_t>(node, inputs, outputs[0]);
    case DataType::s32: return dequantize_all<std::int32_t>(node, inputs, outputs[0]);
    default: return dequantize_all<std::uint8_t>(node, inputs, outputs[0]);
  }
}

}  // namespace

std::vector<OpSchema> quantization_ops() {
  constexpr auto integer = AttributeKind::integer;
  // `saturate` only means something for 8-bit floats.
  const std::vector<AttributeSpec> quantize{
      {"axis", integer}, {"block_size", integer}, {"output_dtype", integer}, {"saturate", integer}};
  const std::vector<AttributeSpec> dequantize{{"axis", integer}, {"block_size", integer}};
  return {{"QuantizeLinear", 2, 3, 1, quantize, infer_quantize, evaluate_quantize, ItemRule::quantization,
           OpKind::other, Codes::numbers, 10},
          {"DequantizeLinear", 2, 3, 1, dequantize, infer_dequantize, evaluate_dequantize, ItemRule::quantization,
           OpKind::other, Codes::numbers, 10}};
}

}  // namespace tessera
