// Pooling over the windows of an image: MaxPool, AveragePool and the global average.
#include <algorithm>
#include <limits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"
#include "ops/window.hpp"

namespace tessera {
namespace {

void infer_pool(Graph& graph, const Node& node, DataType type) {
  const Value& x = input_value(graph, node, 0);
  if (x.shape.rank() != 4)
    node_error(node,
               "input " + to_string(x.shape) + "; only 2-D pooling of [batch, channels, height, width] is supported");
  const auto [out_h, out_w] = window_extents(node, x.shape.dims[2], x.shape.dims[3]);
  set_output(graph, node, 0, type, SymbolicShape{x.shape.dims[0], x.shape.dims[1], out_h, out_w});
}

/// The largest integer is the largest real, whatever the scale: integers stay what they are.
void infer_max_pool(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32, DataType::bf16, DataType::u8, DataType::s8});
  expect_attribute(node, "storage_order", 0);
  const DataType x = input_value(graph, node, 0).type;
  infer_pool(graph, node, x == DataType::u8 || x == DataType::s8 ? x : stored_type(graph, node));
}

void infer_average_pool(Graph& graph, const Node& node) {
  expect_real(graph, node, 0);
  infer_pool(graph, node, stored_type(graph, node));
}

/// The taps of a window along one axis that lie in [0, extent).
struct WindowTaps {
  std::int64_t begin, end;  ///< first and one past the last
};

WindowTaps taps_inside(std::int64_t start, std::int64_t kernel, std::int64_t dilation, std::int64_t extent) {
  const std::int64_t begin = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
  const std::int64_t end = extent <= start ? 0 : std::min(kernel, (extent - 1 - start) / dilation + 1);
  return {begin, std::max(begin, end)};
}

/// Calls body(plane, output, top, left) for every output pixel, with the input pixel under its first tap.
template <typename Body>
void for_each_window(const TensorView& y, const Window& w, Body body) {
  std::int64_t output = 0;
  for (std::int64_t plane = 0; plane < y.shape[0] * y.shape[1]; ++plane)
    for (std::int64_t row = 0; row < w.out_h; ++row)
      for (std::int64_t column = 0; column < w.out_w; ++column, ++output)
        body(plane, output, row * w.stride_h - w.pad_top, column * w.stride_w - w.pad_left);
}

/// Calls body(element) for every tap of one window that lies inside the image.
template <typename T, typename Body>
void for_each_tap(const T* image, const Shape& shape, const Window& w, std::int64_t top, std::int64_t left, Body body) {
  const WindowTaps vertical = taps_inside(top, w.kernel_h, w.dilation_h, shape[2]);
  const WindowTaps horizontal = taps_inside(left, w.kernel_w, w.dilation_w, shape[3]);
  for (std::int64_t kh = vertical.begin; kh < vertical.end; ++kh)
    for (std::int64_t kw = horizontal.begin; kw < horizontal.end; ++kw)
      body(image[(top + kh * w.dilation_h) * shape[3] + left + kw * w.dilation_w]);
}

template <typename T>
void max_pool(const Node& node, const TensorView& x, const TensorView& y) {
  using Limits = std::numeric_limits<T>;
  const Window w = window_of(node, x.shape[2], x.shape[3]);
  const std::int64_t n = x.shape[2] * x.shape[3];
  for_each_window(y, w, [&](std::int64_t plane, std::int64_t output, std::int64_t top, std::int64_t left) {
    T largest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    for_each_tap(x.as<T>().data() + plane * n, x.shape, w, top, left,
                 [&](T value) { largest = value > largest || value != value ? value : largest; });
    y.as<T>()[static_cast<std::size_t>(output)] = largest;
  });
}

void evaluate_max_pool(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  switch (inputs[0].type) {
    case DataType::u8: return max_pool<std::uint8_t>(node, inputs[0], outputs[0]);
    case DataType::s8: return max_pool<std::int8_t>(node, inputs[0], outputs[0]);
    default: expect_plain(node, inputs, outputs); return max_pool<float>(node, inputs[0], outputs[0]);
  }
}

void evaluate_average_pool(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  expect_plain(node, inputs, outputs);
  const TensorView& x = inputs[0];
  const Window w = window_of(node, x.shape[2], x.shape[3]);
  const std::int64_t n = x.shape[2] * x.shape[3];
  const bool include_pad = node.attribute_or<std::int64_t>("count_include_pad", 0) != 0;
  for_each_window(outputs[0], w, [&](std::int64_t plane, std::int64_t output, std::int64_t top, std::int64_t left) {
    float total = 0.0F;
    std::int64_t count = 0;
    for_each_tap(x.as<float>().data() + plane * n, x.shape, w, top, left, [&](float value) {
      total += value;
      ++count;
    });
    if (include_pad) {
      // Padding counts, but not what ceil_mode lets the last window cover behind it.
      const WindowTaps vertical =
          taps_inside(top + w.pad_top, w.kernel_h, w.dilation_h, x.shape[2] + w.pad_top + w.pad_bottom);
      const WindowTaps horizontal =
          taps_inside(left + w.pad_left, w.kernel_w, w.dilation_w, x.shape[3] + w.pad_left + w.pad_right);
      count = (vertical.end - vertical.begin) * (horizontal.end - horizontal.begin);
    }
    // The average of nothing, under a window that only sees padding, is 0.
    outputs[0].as<float>()[static_cast<std::size_t>(output)] =
        total / static_cast<float>(std::max<std::int64_t>(count, 1));
  });
}

void infer_global_average_pool(Graph& graph, const Node& node) {
  expect_real(graph, node, 0);
  SymbolicShape shape = input_value(graph, node, 0).shape;
  if (shape.rank() < 3) node_error(node, "input " + to_string(shape) + "; [batch, channels, extents ...] is needed");
  std::fill(shape.dims.begin() + 2, shape.dims.end(), Dim(1));
  set_output(graph, node, 0, stored_type(graph, node), std::move(shape));
}

void evaluate_global_average_pool(const Node& node, std::span<const TensorView> inputs,
                                  std::span<const TensorView> outputs) {
  expect_plain(node, inputs, outputs);
  const std::int64_t n = inputs[0].shape.product(2, inputs[0].shape.rank());
  const float* x = inputs[0].as<float>().data();
  for (float& mean : outputs[0].as<float>()) {
    mean = sum(x, n) / static_cast<float>(n);
    x += n;
  }
}

}  // namespace

std::vector<OpSchema> pooling_ops() {
  constexpr auto integer = AttributeKind::integer;
  constexpr auto integers = AttributeKind::integers;
  const std::vector<AttributeSpec> window{
      {"auto_pad", AttributeKind::string}, {"ceil_mode", integer}, {"dilations", integers},
      {"kernel_shape", integers},          {"pads", integers},     {"strides", integers}};
  auto max = window;
  max.push_back({"storage_order", integer});
  auto average = window;
  average.push_back({"count_include_pad", integer});
  return {{"MaxPool", 1, 1, 1, std::move(max), infer_max_pool, evaluate_max_pool, ItemRule::first_input, OpKind::pool,
           Codes::passes, 1},
          {"AveragePool", 1, 1, 1, std::move(average), infer_average_pool, evaluate_average_pool, ItemRule::first_input,
           OpKind::pool, Codes::reals, 1},
          {"GlobalAveragePool",
           1,
           1,
           1,
           {},
           infer_global_average_pool,
           evaluate_global_average_pool,
           ItemRule::first_input,
           OpKind::pool,
           Codes::reals,
           1}};
}

}  // namespace tessera
