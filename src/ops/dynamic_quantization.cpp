// The integer ops of dynamically quantized files: DynamicQuantizeLinear chooses scale and zero point from the tensor at
// hand, MatMulInteger and ConvInteger give the exact s32 sums of what is left after the zero points are taken off.
#include <algorithm>
#include <cmath>
#include <string>

#include "core/dynamic_scale.hpp"
#include "ops/convolution.hpp"
#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/window.hpp"

namespace tessera {
namespace {

void infer_dynamic_quantize(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  set_output(graph, node, 0, DataType::u8, input_value(graph, node, 0).shape);
  set_output(graph, node, 1, DataType::f32, SymbolicShape(Shape{}));
  set_output(graph, node, 2, DataType::u8, SymbolicShape(Shape{}));
}

/// The range always holds 0, so that 0 is one of the integers.
void evaluate_dynamic_quantize(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  float low = 0.0F, high = 0.0F;
  for (const float x : inputs[0].as<float>()) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  const auto [scale, zero_point] = dynamic_scale(low, high);
  const auto from = inputs[0].as<float>();
  const auto to = outputs[0].as<std::uint8_t>();
  for (std::size_t i = 0; i < to.size(); ++i) {
    const float q = std::nearbyint(from[i] / scale) + static_cast<float>(zero_point);
    to[i] = static_cast<std::uint8_t>(q > 0.0F ? std::min(q, 255.0F) : 0.0F);  // NaN gives 0
  }
  if (outputs.size() > 1 && outputs[1].data != nullptr) outputs[1].as<float>()[0] = scale;
  if (outputs.size() > 2 && outputs[2].data != nullptr) outputs[2].as<std::uint8_t>()[0] = zero_point;
}

/// Zero points: one for all of A, one for all of B or one for each of its outputs.
void expect_zero_points(const Graph& graph, const Node& node, const Dim& outputs) {
  for (const std::size_t i : {0U, 1U}) {
    expect_type(graph, node, i, {DataType::u8, DataType::s8});
    if (!node.has_input(i + 2)) continue;
    expect_same_type(graph, node, i, i + 2);
    const SymbolicShape& shape = input_value(graph, node, i + 2).shape;
    const bool one = shape.rank() == 0 || (shape.rank() == 1 && shape.dims[0] == Dim(1));
    if (one || (i == 1 && shape.rank() == 1)) {
      if (!one) expect_extent(node, "the number of zero points", shape.dims[0], outputs);
      continue;
    }
    node_error(node, "zero point of shape " + to_string(shape) + "; one per tensor, or per output of the weights",
               "quantize the model again with one activation zero point per tensor");
  }
}

int element(const TensorView& tensor, std::int64_t i) {
  return tensor.type == DataType::u8 ? int{tensor.as<std::uint8_t>()[static_cast<std::size_t>(i)]}
                                     : int{tensor.as<std::int8_t>()[static_cast<std::size_t>(i)]};
}

int zero_point_at(std::span<const TensorView> inputs, std::size_t i, std::int64_t channel) {
  if (!given(inputs, i)) return 0;
  return element(inputs[i], inputs[i].shape.elements() == 1 ? 0 : channel);
}

void infer_matmul_integer(Graph& graph, const Node& node) {
  const SymbolicShape& a = input_value(graph, node, 0).shape;
  const SymbolicShape& b = input_value(graph, node, 1).shape;
  if (a.rank() < 2 || b.rank() < 2)
    node_error(node, "operands of shapes " + to_string(a) + " and " + to_string(b) + "; matrices are needed");
  expect_zero_points(graph, node, b.dims.back());
  expect_extent(node, "the next to last extent of input 1", b.dims[b.rank() - 2], a.dims.back());
  const auto batch = [](const SymbolicShape& shape) {
    return SymbolicShape(std::vector<Dim>(shape.dims.begin(), shape.dims.end() - 2));
  };
  SymbolicShape y = broadcast_shape(node, batch(a), batch(b));
  y.dims.push_back(a.dims[a.rank() - 2]);
  y.dims.push_back(b.dims.back());
  set_output(graph, node, 0, DataType::s32, std::move(y));
}

void evaluate_matmul_integer(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView &a = inputs[0], &b = inputs[1], &y = outputs[0];
  const std::int64_t m = y.shape.back(1), n = y.shape.back(), k = a.shape.back();
  const auto batch = [](const Shape& shape) { return Shape(shape.dims().first(shape.rank() - 2)); };
  const std::array<Strides, 2> strides{broadcast_strides(batch(a.shape), batch(y.shape)),
                                       broadcast_strides(batch(b.shape), batch(y.shape))};
  const int a_zero = zero_point_at(inputs, 2, 0);
  for_each_element(batch(y.shape), strides, [&](std::int64_t index, const std::array<std::int64_t, 2>& offset) {
    for (std::int64_t row = 0; row < m; ++row)
      for (std::int64_t column = 0; column < n; ++column) {
        const int b_zero = zero_point_at(inputs, 3, column);
        std::int32_t sum = 0;
        for (std::int64_t i = 0; i < k; ++i)
          sum += (element(a, (offset[0] * m + row) * k + i) - a_zero) *
                 (element(b, (offset[1] * k + i) * n + column) - b_zero);
        y.as<std::int32_t>()[static_cast<std::size_t>((index * m + row) * n + column)] = sum;
      }
  });
}

void infer_conv_integer(Graph& graph, const Node& node) {
  // Inputs 2 and 3 are zero points here, where Conv has its bias.
  Node plain = node;
  plain.inputs.resize(2);
  SymbolicShape y = convolution_shape(graph, plain);
  expect_zero_points(graph, node, y.dims[1]);
  set_output(graph, node, 0, DataType::s32, std::move(y));
}

/// One output: taps outside the image hold the zero point, so they add nothing.
std::int32_t window_sum(std::span<const TensorView> inputs, const Window& window, std::int64_t image,
                        std::int64_t first_channel, std::int64_t output, std::int64_t top, std::int64_t left) {
  const Shape &x = inputs[0].shape, &w = inputs[1].shape;
  const int x_zero = zero_point_at(inputs, 2, 0), w_zero = zero_point_at(inputs, 3, output);
  std::int32_t sum = 0;
  for (std::int64_t c = 0; c < w[1]; ++c)
    for (std::int64_t kh = 0; kh < w[2]; ++kh)
      for (std::int64_t kw = 0; kw < w[3]; ++kw) {
        const std::int64_t row = top + kh * window.dilation_h, column = left + kw * window.dilation_w;
        if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
        sum += (element(inputs[0], ((image * x[1] + first_channel + c) * x[2] + row) * x[3] + column) - x_zero) *
               (element(inputs[1], ((output * w[1] + c) * w[2] + kh) * w[3] + kw) - w_zero);
      }
  return sum;
}

void evaluate_conv_integer(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape &x = inputs[0].shape, &w = inputs[1].shape, &y = outputs[0].shape;
  const Window window = window_of(node, x[2], x[3], w[2], w[3]);
  const std::int64_t group_outputs = w[0] / node.attribute_or<std::int64_t>("group", 1);
  std::size_t at = 0;
  for (std::int64_t image = 0; image < y[0]; ++image)
    for (std::int64_t output = 0; output < y[1]; ++output)
      for (std::int64_t row = 0; row < y[2]; ++row)
        for (std::int64_t column = 0; column < y[3]; ++column)
          outputs[0].as<std::int32_t>()[at++] =
              window_sum(inputs, window, image, output / group_outputs * w[1], output,
                         row * window.stride_h - window.pad_top, column * window.stride_w - window.pad_left);
}

}  // namespace

std::vector<OpSchema> dynamic_quantization_ops() {
  return {{"DynamicQuantizeLinear",
           1,
           1,
           3,
           {},
           infer_dynamic_quantize,
           evaluate_dynamic_quantize,
           ItemRule::mixes,
           OpKind::other,
           Codes::numbers,
           11},
          {"MatMulInteger",
           2,
           4,
           1,
           {},
           infer_matmul_integer,
           evaluate_matmul_integer,
           ItemRule::mixes,
           OpKind::product,
           Codes::numbers,
           10},
          {"ConvInteger", 2, 4, 1, convolution_attributes(), infer_conv_integer, evaluate_conv_integer, ItemRule::mixes,
           OpKind::product, Codes::numbers, 10}};
}

}  // namespace tessera
