#include "ops/convolution.hpp"

#include <algorithm>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"
#include "ops/window.hpp"

namespace tessera {
namespace {

/// One image plane of the input under one weight: what the loops below agree on.
struct Plane {
  std::int64_t height, width;
  Window window;
};

/// A 1x1 convolution that only mixes channels need not know about rows: one long row makes the loops longer.
void flatten_pointwise(Plane& plane) {
  Window& w = plane.window;
  if (w.kernel_h != 1 || w.kernel_w != 1 || w.out_h != plane.height || w.out_w != plane.width || w.pad_top != 0 ||
      w.pad_left != 0 || w.stride_h != 1 || w.stride_w != 1)
    return;
  plane.width *= plane.height;
  plane.height = 1;
  w.out_w = plane.width;
  w.out_h = 1;
}

/// y += weight * x seen through tap (kh, kw) of the window, over all output pixels where the tap lies inside the image.
void add_tap(const Plane& plane, std::int64_t kh, std::int64_t kw, float weight, const float* x, float* y) {
  const Window& w = plane.window;
  const std::int64_t left = kw * w.dilation_w - w.pad_left;  // column of the tap for output column 0
  const std::int64_t first = left >= 0 ? 0 : (-left + w.stride_w - 1) / w.stride_w;
  const std::int64_t last = plane.width <= left ? 0 : std::min(w.out_w, (plane.width - 1 - left) / w.stride_w + 1);
  if (first >= last) return;
  for (std::int64_t row = 0; row < w.out_h; ++row) {
    const std::int64_t source_row = row * w.stride_h + kh * w.dilation_h - w.pad_top;
    if (source_row < 0 || source_row >= plane.height) continue;
    const float* source = x + source_row * plane.width;
    float* target = y + row * w.out_w;
    if (w.stride_w == 1) {
      add_scaled(weight, source + (left + first), target + first, last - first);
    } else {
      for (std::int64_t column = first; column < last; ++column)
        target[column] += weight * source[left + column * w.stride_w];
    }
  }
}

void infer_convolution(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  set_output(graph, node, 0, DataType::f32, convolution_shape(graph, node));
}

void evaluate_convolution(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView& y = outputs[0];
  convolve(node, inputs[0], inputs[1], y);
  if (!given(inputs, 2)) return;
  const auto bias = inputs[2].as<float>();
  const std::int64_t n = y.shape[2] * y.shape[3];
  for (std::int64_t plane = 0; plane < y.shape[0] * y.shape[1]; ++plane)
    for (std::int64_t i = 0; i < n; ++i)
      y.as<float>()[static_cast<std::size_t>(plane * n + i)] += bias[static_cast<std::size_t>(plane % y.shape[1])];
}

}  // namespace

bool is_convolution(const Node& node) {
  return node.op == "FusedConv" || node.op == "Conv";
}

std::vector<AttributeSpec> convolution_attributes() {
  constexpr auto integers = AttributeKind::integers;
  return {{"auto_pad", AttributeKind::string}, {"dilations", integers}, {"group", AttributeKind::integer},
          {"kernel_shape", integers},          {"pads", integers},      {"strides", integers}};
}

SymbolicShape convolution_shape(const Graph& graph, const Node& node) {
  const SymbolicShape& x = input_value(graph, node, 0).shape;
  const SymbolicShape& w = input_value(graph, node, 1).shape;
  if (x.rank() != 4 || w.rank() != 4)
    node_error(node, "input " + to_string(x) + " with weights " + to_string(w) + "; only 2-D convolution is supported",
               "express it as a 2-D convolution of [batch, channels, height, width]");
  if (!w.concrete()) node_error(node, "the weights have shape " + to_string(w) + "; numbers are needed");
  const auto group = node.attribute_or<std::int64_t>("group", 1);
  const std::int64_t channels = w.dims[0].value();
  if (group < 1 || channels % group != 0)
    node_error(node, "attribute group is " + std::to_string(group) + " for " + std::to_string(channels) + " outputs");
  expect_extent(node, "the number of input channels", x.dims[1], w.dims[1] * Dim(group));
  expect_shape(graph, node, 2, SymbolicShape{w.dims[0]});
  const auto [out_h, out_w] = window_extents(node, x.dims[2], x.dims[3], w.dims[2].value(), w.dims[3].value());
  return SymbolicShape{x.dims[0], w.dims[0], out_h, out_w};
}

void convolve(const Node& node, const TensorView& x, const TensorView& w, const TensorView& y) {
  Plane plane{x.shape[2], x.shape[3], window_of(node, x.shape[2], x.shape[3], w.shape[2], w.shape[3])};
  flatten_pointwise(plane);
  const std::int64_t x_plane = x.shape[2] * x.shape[3];
  const std::int64_t y_plane = y.shape[2] * y.shape[3];
  const std::int64_t taps = w.shape[2] * w.shape[3];
  const std::int64_t outputs = w.shape[0];
  const std::int64_t group_inputs = w.shape[1];
  const std::int64_t group_outputs = outputs / node.attribute_or<std::int64_t>("group", 1);
  for (std::int64_t n = 0; n < x.shape[0]; ++n) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      float* target = y.as<float>().data() + (n * outputs + o) * y_plane;
      std::fill_n(target, y_plane, 0.0F);
      for (std::int64_t i = 0; i < group_inputs; ++i) {
        const std::int64_t channel = o / group_outputs * group_inputs + i;
        const float* source = x.as<float>().data() + (n * x.shape[1] + channel) * x_plane;
        const float* weights = w.as<float>().data() + (o * group_inputs + i) * taps;
        for (std::int64_t tap = 0; tap < taps; ++tap)
          add_tap(plane, tap / w.shape[3], tap % w.shape[3], weights[tap], source, target);
      }
    }
  }
}

std::vector<OpSchema> convolution_ops() {
  return {{"Conv", 2, 3, 1, convolution_attributes(), infer_convolution, evaluate_convolution, ItemRule::convolution,
           OpKind::product, Codes::numbers, 1}};
}

}  // namespace tessera
