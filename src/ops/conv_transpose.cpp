// ConvTranspose over images [batch, channels, height, width] and vectors [batch, channels, length]: every input element
// adds the weights, scaled by it, to the output.
#include <algorithm>

#include "core/checked_size.hpp"
#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"
#include "ops/window.hpp"

namespace tessera {
namespace {

/// One spatial axis.
struct Axis {
  std::int64_t kernel = 1, stride = 1, dilation = 1, before = 0, behind = 0, extra = 0, given = 0;
};

std::int64_t entry(const Node& node, std::string_view key, std::size_t index, std::size_t count, std::int64_t least,
                   std::int64_t fallback) {
  const auto* list = node.find_attribute<std::vector<std::int64_t>>(key);
  if (list == nullptr || list->empty()) return fallback;
  if (list->size() != count)
    node_error(node, "attribute " + std::string(key) + " has " + std::to_string(list->size()) + " entries, not " +
                         std::to_string(count));
  if ((*list)[index] < least || (*list)[index] > largest_of_window)
    node_error(node, "attribute " + std::string(key) + " holds " + std::to_string((*list)[index]));
  return (*list)[index];
}

Axis axis_of(const Node& node, std::size_t i, std::size_t axes, std::int64_t kernel) {
  Axis axis;
  if (kernel > largest_of_window) node_error(node, "its weights have an extent of " + std::to_string(kernel));
  axis.kernel = kernel;
  if (entry(node, "kernel_shape", i, axes, 1, kernel) != kernel)
    node_error(node, "attribute kernel_shape disagrees with the weights");
  axis.stride = entry(node, "strides", i, axes, 1, 1);
  axis.dilation = entry(node, "dilations", i, axes, 1, 1);
  axis.extra = entry(node, "output_padding", i, axes, 0, 0);
  axis.before = entry(node, "pads", i, 2 * axes, 0, 0);
  axis.behind = entry(node, "pads", axes + i, 2 * axes, 0, 0);
  axis.given = entry(node, "output_shape", i, axes, 1, 0);
  return axis;
}

/// The output extent; where the file gives it, or wants it to be stride times the input, the padding follows from it.
std::int64_t resolve(const Node& node, Axis& axis, std::int64_t extent) {
  if (extent > largest_bytes / axis.stride)
    node_error(node, "its output is too large: stride times " + std::to_string(extent));
  const std::int64_t whole = axis.stride * (extent - 1) + axis.extra + (axis.kernel - 1) * axis.dilation + 1;
  const auto auto_pad = text_attribute(node, "auto_pad", "NOTSET");
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  if (!same && auto_pad != "NOTSET" && auto_pad != "VALID")
    node_error(node, "attribute auto_pad is " + std::string(auto_pad));
  if (axis.given == 0 && !same) return whole - axis.before - axis.behind;
  const std::int64_t out = axis.given != 0 ? axis.given : extent * axis.stride;
  const std::int64_t total = std::max<std::int64_t>(0, whole - out);
  axis.before = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
  axis.behind = total - axis.before;
  return out;
}

void infer_conv_transpose(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  const SymbolicShape x = input_value(graph, node, 0).shape;
  const SymbolicShape& w = input_value(graph, node, 1).shape;
  if ((x.rank() != 3 && x.rank() != 4) || w.rank() != x.rank())
    node_error(node, "input " + to_string(x) + " with weights " + to_string(w) + "; 1-D and 2-D are supported");
  if (!w.concrete()) node_error(node, "the weights have shape " + to_string(w) + "; numbers are needed");
  const auto group = node.attribute_or<std::int64_t>("group", 1);
  if (group < 1 || w.dims[0].value() % group != 0)
    node_error(node, "attribute group is " + std::to_string(group) + " for " + to_string(w.dims[0]) + " channels");
  expect_extent(node, "the number of input channels", x.dims[1], w.dims[0]);
  std::vector<Dim> dims{x.dims[0], w.dims[1] * Dim(group)};
  expect_shape(graph, node, 2, SymbolicShape{dims[1]});
  const std::size_t axes = x.rank() - 2;
  for (std::size_t i = 0; i < axes; ++i) {
    Axis axis = axis_of(node, i, axes, w.dims[2 + i].value());
    const Dim& extent = x.dims[2 + i];
    if (extent.known())
      dims.emplace_back(resolve(node, axis, extent.value()));
    else if (axis.given == 0 && text_attribute(node, "auto_pad", "NOTSET") == "NOTSET")
      dims.push_back(extent * Dim(axis.stride) + Dim(resolve(node, axis, 1) - axis.stride));
    else
      dims.emplace_back();
  }
  set_output(graph, node, 0, DataType::f32, SymbolicShape(std::move(dims)));
}

/// An image: one row where the input is a vector.
struct TransposedPlane {
  Axis vertical, horizontal;
  std::int64_t height = 1, width = 1, out_height = 1, out_width = 1;
};

TransposedPlane plane_of(const Node& node, const Shape& x, const Shape& w, const Shape& y) {
  TransposedPlane plane;
  const std::size_t axes = x.rank() - 2;
  plane.width = x.back();
  plane.out_width = y.back();
  plane.horizontal = axis_of(node, axes - 1, axes, w.back());
  resolve(node, plane.horizontal, plane.width);
  if (axes == 1) return plane;
  plane.height = x[2];
  plane.out_height = y[2];
  plane.vertical = axis_of(node, 0, axes, w[2]);
  resolve(node, plane.vertical, plane.height);
  return plane;
}

void add_plane(const TransposedPlane& p, const float* x, const float* weights, float* y) {
  for (std::int64_t row = 0; row < p.height; ++row)
    for (std::int64_t kh = 0; kh < p.vertical.kernel; ++kh) {
      const std::int64_t h = row * p.vertical.stride + kh * p.vertical.dilation - p.vertical.before;
      if (h < 0 || h >= p.out_height) continue;
      for (std::int64_t column = 0; column < p.width; ++column)
        for (std::int64_t kw = 0; kw < p.horizontal.kernel; ++kw) {
          const std::int64_t v = column * p.horizontal.stride + kw * p.horizontal.dilation - p.horizontal.before;
          if (v < 0 || v >= p.out_width) continue;
          y[h * p.out_width + v] += x[row * p.width + column] * weights[kh * p.horizontal.kernel + kw];
        }
    }
}

void evaluate_conv_transpose(const Node& node, std::span<const TensorView> inputs,
                             std::span<const TensorView> outputs) {
  const Shape &x = inputs[0].shape, &w = inputs[1].shape, &y = outputs[0].shape;
  const TransposedPlane plane = plane_of(node, x, w, y);
  const auto group = node.attribute_or<std::int64_t>("group", 1);
  const std::int64_t of_group = x[1] / group, outputs_of_group = w[1];
  const std::int64_t x_plane = plane.height * plane.width, y_plane = plane.out_height * plane.out_width;
  const std::int64_t taps = w.product(2, w.rank());
  for (std::int64_t n = 0; n < y[0]; ++n)
    for (std::int64_t o = 0; o < y[1]; ++o) {
      float* target = outputs[0].as<float>().data() + (n * y[1] + o) * y_plane;
      std::fill_n(target, y_plane, given(inputs, 2) ? inputs[2].as<float>()[static_cast<std::size_t>(o)] : 0.0F);
      for (std::int64_t i = 0; i < of_group; ++i) {
        const std::int64_t channel = o / outputs_of_group * of_group + i;
        add_plane(plane, inputs[0].as<float>().data() + (n * x[1] + channel) * x_plane,
                  inputs[1].as<float>().data() + (channel * outputs_of_group + o % outputs_of_group) * taps, target);
      }
    }
}

}  // namespace

std::vector<OpSchema> conv_transpose_ops() {
  using enum AttributeKind;
  return {{"ConvTranspose",
           2,
           3,
           1,
           {{"auto_pad", string},
            {"dilations", integers},
            {"group", integer},
            {"kernel_shape", integers},
            {"output_padding", integers},
            {"output_shape", integers},
            {"pads", integers},
            {"strides", integers}},
           infer_conv_transpose,
           evaluate_conv_transpose,
           ItemRule::mixes,
           OpKind::product,
           Codes::numbers,
           1}};
}

}  // namespace tessera
