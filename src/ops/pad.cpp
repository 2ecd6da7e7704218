// Pad: a border around a tensor, of one value or of the tensor's own elements. pads lists what goes before every axis,
// then what goes behind.
#include <algorithm>
#include <cstring>
#include <utility>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/helpers.hpp"
#include "ops/placed_copy.hpp"

namespace tessera {

namespace {

enum class Border : std::uint8_t { constant, reflect, edge, wrap };

Border border_of(const Node& node) {
  const auto mode = text_attribute(node, "mode", "constant");
  if (mode == "constant") return Border::constant;
  if (mode == "reflect") return Border::reflect;
  if (mode == "edge") return Border::edge;
  if (mode == "wrap") return Border::wrap;
  node_error(node, "attribute mode is " + std::string(mode) + "; supported: constant, reflect, edge, wrap");
}

void check_pads(const Node& node, std::size_t pads, std::size_t axes) {
  if (pads != 2 * axes) node_error(node, std::to_string(pads) + " pads for " + std::to_string(axes) + " axes");
}

void infer_pad(Graph& graph, const Node& node) {
  border_of(node);
  const Value& input = input_value(graph, node, 0);
  const DataType type = input.type;
  std::vector<Dim> dims = input.shape.dims;
  if (node.has_input(2) && input_value(graph, node, 2).type != type)
    node_error(node, "its value differs in type from its data");
  std::optional<std::vector<Dim>> pads;
  if (const auto* listed = node.find_attribute<std::vector<std::int64_t>>("pads"))
    pads.emplace(listed->begin(), listed->end());
  else if (node.has_input(1))
    pads = extents_of(graph, node.input(1));
  else
    node_error(node, "it has no pads");
  if (!pads) return set_output(graph, node, 0, type, SymbolicShape(std::vector<Dim>(dims.size())));

  std::vector<std::int64_t> axes(dims.size());
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<std::int64_t>(i);
  if (node.has_input(3)) {
    const auto listed = integers_of(graph, node.input(3));
    if (!listed) node_error(node, "its axes are computed at run time", "export the model with constant axes");
    axes = *listed;
  }
  check_pads(node, pads->size(), axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Dim &before = (*pads)[i], &behind = (*pads)[axes.size() + i];
    if ((before.known() && before.value() < 0) || (behind.known() && behind.value() < 0))
      node_error(node, "negative pads are not supported", "use Slice to cut a tensor");
    Dim& dim = dims[normalised_axis(node, axes[i], dims.size())];
    dim = dim + before + behind;
  }
  set_output(graph, node, 0, type, SymbolicShape(std::move(dims)));
}

void fill(const Node& node, const TensorView& output, std::span<const TensorView> inputs) {
  if (given(inputs, 2)) {
    const std::size_t width = size_of(output.type);
    for (std::size_t at = 0; at < output.bytes(); at += width) std::memcpy(output.data + at, inputs[2].data, width);
    return;
  }
  // Up to opset 10 the value is an attribute and a float.
  const float value = node.attribute_or<float>("value", 0.0F);
  if (output.type == DataType::f32)
    std::fill_n(output.as<float>().data(), output.shape.elements(), value);
  else
    std::memset(output.data, 0, output.bytes());
}

/// Output elements before the first input element, along each axis.
Strides borders_before(const Node& node, std::span<const TensorView> inputs, const Shape& y) {
  const Shape& x = inputs[0].shape;
  const auto* listed = node.find_attribute<std::vector<std::int64_t>>("pads");
  const auto axes = given(inputs, 3) ? static_cast<std::size_t>(inputs[3].shape.elements()) : x.rank();
  check_pads(node, listed != nullptr ? listed->size() : static_cast<std::size_t>(inputs[1].shape.elements()), axes);
  Strides before{};
  for (std::size_t i = 0; i < axes; ++i) {
    const auto place = static_cast<std::int64_t>(i);
    const std::size_t axis = given(inputs, 3) ? normalised_axis(node, integer_at(inputs[3], place), x.rank()) : i;
    before[axis] = listed != nullptr ? (*listed)[i] : integer_at(inputs[1], place);
    if (before[axis] < 0 || before[axis] > y[axis] - x[axis]) node_error(node, "its pads differ from the planned ones");
  }
  return before;
}

/// The element of an axis of n that stands at place i, which may lie before the first or behind the last.
std::int64_t mirrored(Border border, std::int64_t i, std::int64_t n) {
  if (border == Border::edge || n == 1) return std::clamp<std::int64_t>(i, 0, n - 1);
  const std::int64_t period = border == Border::wrap ? n : 2 * (n - 1);
  const std::int64_t inside = (i % period + period) % period;
  return inside < n ? inside : period - inside;
}

void pad_with_constant(const Node& node, std::span<const TensorView> inputs, const TensorView& y) {
  const TensorView& x = inputs[0];
  fill(node, y, inputs);
  const Strides strides = dense_strides(y.shape), before = borders_before(node, inputs, y.shape);
  std::int64_t corner = 0;
  for (std::size_t axis = 0; axis < x.shape.rank(); ++axis) corner += before[axis] * strides[axis];
  with_element_width(x.type, [&]<typename T>(T) {
    const T* source = x.as<T>().data();
    T* target = y.as<T>().data() + corner;
    for_each_element<1>(x.shape, {strides}, [=](std::int64_t i, const auto& at) { target[at[0]] = source[i]; });
  });
}

void evaluate_pad(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Border border = border_of(node);
  const TensorView &x = inputs[0], &y = outputs[0];
  if (border == Border::constant) return pad_with_constant(node, inputs, y);
  if (x.shape.elements() == 0) {
    if (y.shape.elements() != 0) node_error(node, "there is nothing to make a border of");
    return;
  }
  const Strides from = dense_strides(x.shape), to = dense_strides(y.shape);
  const Strides before = borders_before(node, inputs, y.shape);
  with_element_width(x.type, [&]<typename T>(T) {
    const auto source = x.as<T>();
    const auto target = y.as<T>();
    for (std::int64_t i = 0; i < y.shape.elements(); ++i) {
      std::int64_t at = 0;
      for (std::size_t axis = 0; axis < y.shape.rank(); ++axis) {
        if (y.shape[axis] == 1) continue;  // a single element, which is input element 0
        at += from[axis] * mirrored(border, i / to[axis] % y.shape[axis] - before[axis], x.shape[axis]);
      }
      target[static_cast<std::size_t>(i)] = source[static_cast<std::size_t>(at)];
    }
  });
}

}  // namespace

std::optional<PlacedCopy> pad_places(const Node& node, std::span<const TensorView> inputs, const Shape& y) {
  const Border border = border_of(node);
  const Shape& x = inputs[0].shape;
  if (x.elements() == 0) return std::nullopt;
  const Strides before = borders_before(node, inputs, y);
  PlacedCopy copy;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    std::vector<std::int64_t>& places = copy.axes.emplace_back();
    for (std::int64_t i = -before[axis]; i < y[axis] - before[axis]; ++i) {
      const bool inside = i >= 0 && i < x[axis];
      places.push_back(border != Border::constant ? mirrored(border, i, x[axis]) : inside ? i : PlacedCopy::outside);
    }
  }
  return copy;
}

std::vector<OpSchema> pad_ops() {
  using enum AttributeKind;
  return {
      {"Pad",
       1,
       4,
       1,
       {{"mode", string}, {"pads", integers}, {"value", real}},
       infer_pad,
       evaluate_pad,
       ItemRule::mixes,
       OpKind::movement,
       Codes::passes,
       1},
  };
}

}  // namespace tessera
