// Resize of any axes by nearest element, linear or cubic interpolation.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/helpers.hpp"
#include "ops/interpolation.hpp"
#include "ops/placed_copy.hpp"

namespace tessera {
namespace {

enum class Mode : std::uint8_t { nearest, linear, cubic };
enum class Coordinates : std::uint8_t {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric
};
enum class Rounding : std::uint8_t { prefer_floor, prefer_ceil, floor, ceil };

Coordinates coordinates_of(const Node& node) {
  const auto mode = text_attribute(node, "coordinate_transformation_mode", "half_pixel");
  if (mode == "half_pixel") return Coordinates::half_pixel;
  if (mode == "half_pixel_symmetric") return Coordinates::half_pixel_symmetric;
  if (mode == "pytorch_half_pixel") return Coordinates::pytorch_half_pixel;
  if (mode == "align_corners") return Coordinates::align_corners;
  if (mode == "asymmetric") return Coordinates::asymmetric;
  node_error(node, "attribute coordinate_transformation_mode is " + std::string(mode) +
                       "; supported: half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric");
}

Rounding rounding_of(const Node& node) {
  const auto mode = text_attribute(node, "nearest_mode", "round_prefer_floor");
  if (mode == "round_prefer_floor") return Rounding::prefer_floor;
  if (mode == "round_prefer_ceil") return Rounding::prefer_ceil;
  if (mode == "floor") return Rounding::floor;
  if (mode == "ceil") return Rounding::ceil;
  node_error(node, "attribute nearest_mode is " + std::string(mode) +
                       "; supported: round_prefer_floor, round_prefer_ceil, floor, ceil");
}

Mode mode_of(const Node& node) {
  const auto mode = text_attribute(node, "mode", "nearest");
  if (mode == "nearest") return Mode::nearest;
  if (mode == "linear") return Mode::linear;
  if (mode == "cubic") return Mode::cubic;
  node_error(node, "attribute mode is " + std::string(mode) + "; supported: nearest, linear, cubic");
}

/// The axis that entry i of scales and sizes is about.
std::size_t axis_of(const Node& node, std::size_t i, std::size_t rank) {
  const auto* axes = node.find_attribute<std::vector<std::int64_t>>("axes");
  if (axes == nullptr) return i;
  return normalised_axis(node, (*axes)[i], rank);
}

std::size_t listed_axes(const Node& node, std::size_t rank) {
  const auto* axes = node.find_attribute<std::vector<std::int64_t>>("axes");
  return axes == nullptr ? rank : axes->size();
}

bool is_given(const Graph& graph, const Node& node, std::size_t index) {
  if (!node.has_input(index)) return false;
  const SymbolicShape& shape = graph.value(node.input(index)).shape;
  return !(shape.rank() == 1 && shape.dims[0] == Dim(0));  // exporters write an empty tensor for an omitted one
}

/// A number of output elements; infer and evaluate must agree on it.
std::int64_t scaled(std::int64_t extent, float scale) {
  return static_cast<std::int64_t>(std::floor(static_cast<float>(extent) * scale));
}

std::vector<Dim> scaled_dims(const Graph& graph, const Node& node, std::vector<Dim> dims) {
  const Value& scales = graph.value(node.input(2));
  if (!scales.is_constant()) node_error(node, "its scales are computed at run time", "export constant scales");
  const auto factors = scales.constant.as<float>();
  if (factors.size() != listed_axes(node, dims.size())) node_error(node, "its scales are not one per axis");
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (!(factors[i] > 0) || factors[i] > 65536.0F) node_error(node, "a scale is not a positive number");
    Dim& dim = dims[axis_of(node, i, dims.size())];
    const float whole = std::floor(factors[i]);
    if (dim.known())
      dim = scaled(dim.value(), factors[i]);
    else if (whole == factors[i])
      dim = dim * Dim(static_cast<std::int64_t>(whole));
    else
      dim = Dim();
  }
  return dims;
}

void infer_resize(Graph& graph, const Node& node) {
  const Value& x = input_value(graph, node, 0);
  if (mode_of(node) != Mode::nearest) expect_type(graph, node, 0, {DataType::f32});
  coordinates_of(node);
  rounding_of(node);
  expect_attribute(node, "antialias", 0);
  expect_attribute(node, "exclude_outside", 0);
  if (text_attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch")
    node_error(node, "attribute keep_aspect_ratio_policy is not stretch");
  expect_type(graph, node, 2, {DataType::f32});
  expect_type(graph, node, 3, {DataType::i64});
  const DataType type = x.type;
  std::vector<Dim> dims = x.shape.dims;
  const auto* axes = node.find_attribute<std::vector<std::int64_t>>("axes");
  if (axes != nullptr && axes->size() > dims.size()) node_error(node, "attribute axes lists more axes than there are");
  if (is_given(graph, node, 3)) {
    const auto sizes = extents_of(graph, node.input(3));
    if (!sizes) return set_output(graph, node, 0, type, SymbolicShape(std::vector<Dim>(dims.size())));
    if (sizes->size() != listed_axes(node, dims.size())) node_error(node, "its sizes are not one per axis");
    for (std::size_t i = 0; i < sizes->size(); ++i) dims[axis_of(node, i, dims.size())] = (*sizes)[i];
  } else if (is_given(graph, node, 2)) {
    dims = scaled_dims(graph, node, std::move(dims));
  } else {
    node_error(node, "it has neither scales nor sizes");
  }
  set_output(graph, node, 0, type, SymbolicShape(std::move(dims)));
}

/// How one axis is resized.
struct Axis {
  std::int64_t in = 1, out = 1;
  float scale = 1.0F;
  float resized = 1.0F;  ///< elements of the output before they are rounded to a whole number
  Coordinates coordinates = Coordinates::half_pixel;

  [[nodiscard]] bool stays() const { return in == out && scale == 1.0F; }
  /// Where output element i lies among the input elements.
  [[nodiscard]] float place(std::int64_t i) const {
    const auto x = static_cast<float>(i);
    switch (coordinates) {
      case Coordinates::half_pixel: return (x + 0.5F) / scale - 0.5F;
      case Coordinates::half_pixel_symmetric: {
        const float adjustment = static_cast<float>(out) / (static_cast<float>(in) * scale);
        const float centre = static_cast<float>(in) / 2.0F;
        return centre * (1.0F - adjustment) + (x + 0.5F) / scale - 0.5F;
      }
      case Coordinates::pytorch_half_pixel: return out > 1 ? (x + 0.5F) / scale - 0.5F : 0.0F;
      case Coordinates::align_corners: return out > 1 ? x * static_cast<float>(in - 1) / (resized - 1.0F) : 0.0F;
      case Coordinates::asymmetric: return x / scale;
    }
    return 0.0F;
  }
  [[nodiscard]] std::int64_t inside(float at) const {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(at), 0, in - 1);
  }
  [[nodiscard]] std::int64_t nearest(std::int64_t i, Rounding rounding) const {
    if (stays()) return i;
    const float at = place(i);
    switch (rounding) {
      case Rounding::prefer_floor: return inside(std::ceil(at - 0.5F));
      case Rounding::prefer_ceil: return inside(std::floor(at + 0.5F));
      case Rounding::floor: return inside(std::floor(at));
      case Rounding::ceil: return inside(std::ceil(at));
    }
    return 0;
  }
};

using Axes = std::array<Axis, Shape::max_rank>;

Axes axes_of(const Node& node, std::span<const TensorView> inputs, const Shape& to) {
  const Shape& from = inputs[0].shape;
  Axes axes;
  for (std::size_t i = 0; i < from.rank(); ++i)
    axes[i] = {from[i], to[i], static_cast<float>(to[i]) / static_cast<float>(std::max<std::int64_t>(from[i], 1)),
               static_cast<float>(to[i]), coordinates_of(node)};
  const bool sizes = given(inputs, 3) && inputs[3].shape.elements() > 0;
  if (!sizes && given(inputs, 2))
    for (std::int64_t i = 0; i < inputs[2].shape.elements(); ++i) {
      Axis& axis = axes[axis_of(node, static_cast<std::size_t>(i), from.rank())];
      axis.scale = inputs[2].as<float>()[static_cast<std::size_t>(i)];
      axis.resized = static_cast<float>(axis.in) * axis.scale;
    }
  if (sizes)
    for (std::int64_t i = 0; i < inputs[3].shape.elements(); ++i)
      if (integer_at(inputs[3], i) != to[axis_of(node, static_cast<std::size_t>(i), from.rank())])
        node_error(node, "its sizes differ from the planned ones");
  return axes;
}

void resize_nearest(const Node& node, const TensorView& x, const TensorView& y, const Axes& axes) {
  const Rounding rounding = rounding_of(node);
  const Strides from = dense_strides(x.shape), to = dense_strides(y.shape);
  with_element_width(x.type, [&]<typename T>(T) {
    for (std::int64_t i = 0; i < y.shape.elements(); ++i) {
      std::int64_t at = 0;
      for (std::size_t axis = 0; axis < y.shape.rank(); ++axis)
        if (x.shape[axis] > 1)
          at += axes[axis].nearest(y.shape[axis] > 1 ? i / to[axis] % y.shape[axis] : 0, rounding) * from[axis];
      y.as<T>()[static_cast<std::size_t>(i)] = x.as<T>()[static_cast<std::size_t>(at)];
    }
  });
}

/// The input elements along one axis that an output element is made of.
struct Taps {
  std::array<std::int64_t, 4> elements{};
  std::array<float, 4> weights{};
};

Taps linear_taps(const Axis& axis, std::int64_t place) {
  const float at = std::clamp(axis.place(place), 0.0F, static_cast<float>(axis.in - 1));
  const float low = std::floor(at), fraction = at - low;
  return {{axis.inside(low), axis.inside(low + 1.0F)}, {1.0F - fraction, fraction}};
}

/// Keys' cubic convolution; elements beyond an end are the last one there.
Taps cubic_taps(const Axis& axis, std::int64_t place, float a) {
  const float at = axis.place(place);
  const float low = std::floor(at), f = at - low, g = 1.0F - f;
  const auto near = [a](float t) { return ((a + 2.0F) * t - (a + 3.0F)) * t * t + 1.0F; };
  const auto far = [a](float t) { return ((a * t - 5.0F * a) * t + 8.0F * a) * t - 4.0F * a; };
  return {{axis.inside(low - 1.0F), axis.inside(low), axis.inside(low + 1.0F), axis.inside(low + 2.0F)},
          {far(1.0F + f), near(f), near(g), far(1.0F + g)}};
}

/// Every output element from `count` input elements along each axis that is resized; taps(axis, place) says which.
template <std::size_t count, typename TapsOf>
void resize_interpolating(const TensorView& x, const TensorView& y, const Axes& axes, const TapsOf& taps_of) {
  const Strides from = dense_strides(x.shape), to = dense_strides(y.shape);
  for (std::int64_t i = 0; i < y.shape.elements(); ++i) {
    std::array<Taps, Shape::max_rank> taps{};
    std::size_t resized = 0, combinations = 1;
    std::int64_t base = 0;
    for (std::size_t axis = 0; axis < y.shape.rank(); ++axis) {
      const std::int64_t place = y.shape[axis] > 1 ? i / to[axis] % y.shape[axis] : 0;
      if (axes[axis].stays()) {
        base += place * from[axis];
        continue;
      }
      taps[resized] = taps_of(axes[axis], place);
      for (std::int64_t& element : taps[resized].elements) element *= from[axis];
      ++resized;
      combinations *= count;
    }
    float sum = 0.0F;
    for (std::size_t combination = 0; combination < combinations; ++combination) {
      float weight = 1.0F;
      std::int64_t at = base;
      for (std::size_t k = 0, rest = combination; k < resized; ++k, rest /= count) {
        weight *= taps[k].weights[rest % count];
        at += taps[k].elements[rest % count];
      }
      if (weight != 0.0F) sum += weight * x.as<float>()[static_cast<std::size_t>(at)];
    }
    y.as<float>()[static_cast<std::size_t>(i)] = sum;
  }
}

void evaluate_resize(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Axes axes = axes_of(node, inputs, outputs[0].shape);
  if (inputs[0].shape.elements() == 0) node_error(node, "its input is empty");
  const float a = node.attribute_or("cubic_coeff_a", -0.75F);
  switch (mode_of(node)) {
    case Mode::nearest: return resize_nearest(node, inputs[0], outputs[0], axes);
    case Mode::linear: return resize_interpolating<2>(inputs[0], outputs[0], axes, linear_taps);
    case Mode::cubic:
      return resize_interpolating<4>(inputs[0], outputs[0], axes,
                                     [a](const Axis& axis, std::int64_t place) { return cubic_taps(axis, place, a); });
  }
}

}  // namespace

std::optional<PlacedCopy> nearest_places(const Node& node, std::span<const TensorView> inputs, const Shape& y) {
  if (mode_of(node) != Mode::nearest || inputs[0].shape.elements() == 0) return std::nullopt;
  const Axes axes = axes_of(node, inputs, y);
  const Rounding rounding = rounding_of(node);
  PlacedCopy copy;
  for (std::size_t axis = 0; axis < y.rank(); ++axis) {
    std::vector<std::int64_t>& places = copy.axes.emplace_back();
    for (std::int64_t i = 0; i < y[axis]; ++i)
      places.push_back(inputs[0].shape[axis] > 1 ? axes[axis].nearest(i, rounding) : 0);
  }
  return copy;
}

std::optional<Interpolation> interpolation_of(const Node& node, std::span<const TensorView> inputs, const Shape& y) {
  const Mode mode = mode_of(node);
  if (mode == Mode::nearest || inputs[0].shape.elements() == 0) return std::nullopt;
  const Axes axes = axes_of(node, inputs, y);
  const float a = node.attribute_or("cubic_coeff_a", -0.75F);
  Interpolation interpolation{mode == Mode::linear ? 2U : 4U, {}};
  for (std::size_t axis = 0; axis < y.rank(); ++axis) {
    Interpolation::Axis& entry = interpolation.axes.emplace_back();
    if (axes[axis].stays()) continue;
    for (std::int64_t i = 0; i < y[axis]; ++i) {
      const Taps taps = mode == Mode::linear ? linear_taps(axes[axis], i) : cubic_taps(axes[axis], i, a);
      entry.elements.insert(entry.elements.end(), taps.elements.begin(), taps.elements.begin() + interpolation.taps);
      entry.weights.insert(entry.weights.end(), taps.weights.begin(), taps.weights.begin() + interpolation.taps);
    }
  }
  return interpolation;
}

std::vector<OpSchema> resize_ops() {
  using enum AttributeKind;
  return {{"Resize",
           1,
           4,
           1,
           {{"antialias", integer},
            {"axes", integers},
            {"coordinate_transformation_mode", string},
            {"cubic_coeff_a", real},
            {"exclude_outside", integer},
            {"extrapolation_value", real},
            {"keep_aspect_ratio_policy", string},
            {"mode", string},
            {"nearest_mode", string}},
           infer_resize,
           evaluate_resize,
           ItemRule::mixes,
           OpKind::movement,
           Codes::numbers,
           10}};
}

}  // namespace tessera
