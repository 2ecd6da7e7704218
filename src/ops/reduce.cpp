// Reductions over any set of axes, and ArgMax and ArgMin over one.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

using Mask = std::array<bool, Shape::max_rank>;

Mask mask_of(const Node& node, std::span<const std::int64_t> axes, std::size_t rank) {
  Mask reduced{};
  if (axes.empty()) std::fill_n(reduced.begin(), rank, node.attribute_or<std::int64_t>("noop_with_empty_axes", 0) == 0);
  for (const std::int64_t axis : axes) reduced[normalised_axis(node, axis, rank)] = true;
  return reduced;
}

/// The axes are an attribute in old opsets and the second input in new ones; the op names changed over one at a time.
std::span<const std::int64_t> attribute_axes(const Node& node) {
  const auto* axes = node.find_attribute<std::vector<std::int64_t>>("axes");
  return axes == nullptr ? std::span<const std::int64_t>{} : std::span(*axes);
}

Mask inferred_mask(const Graph& graph, const Node& node, std::size_t rank) {
  if (!node.has_input(1)) return mask_of(node, attribute_axes(node), rank);
  expect_type(graph, node, 1, {DataType::i64});
  const auto axes = integers_of(graph, node.input(1));
  if (!axes) node_error(node, "input 1 (axes) is not constant", "export the model with constant axes");
  return mask_of(node, *axes, rank);
}

bool keeps_dims(const Node& node) {
  return node.attribute_or<std::int64_t>("keepdims", 1) != 0;
}

SymbolicShape reduced_shape(const SymbolicShape& x, const Mask& reduced, bool keep) {
  std::vector<Dim> dims;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    if (!reduced[axis]) dims.push_back(x.dims[axis]);
    if (reduced[axis] && keep) dims.emplace_back(1);
  }
  return SymbolicShape(std::move(dims));
}

void infer_reduction(Graph& graph, const Node& node) {
  const Value& x = input_value(graph, node, 0);
  const Mask reduced = inferred_mask(graph, node, x.shape.rank());
  set_output(graph, node, 0, x.type, reduced_shape(x.shape, reduced, keeps_dims(node)));
}

void infer_number_reduction(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32, DataType::i64, DataType::s32});
  infer_reduction(graph, node);
}

/// For the reductions that are defined on reals.
void infer_mean(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  infer_reduction(graph, node);
}

/// Strides that lead from an element of x to the element of y it is reduced into, whether or not y keeps the axes.
Strides reduction_strides(const Shape& x, const Mask& reduced) {
  Strides strides{};
  std::int64_t step = 1;
  for (std::size_t axis = x.rank(); axis-- > 0;) {
    if (reduced[axis]) continue;
    strides[axis] = step;
    step *= x[axis];
  }
  return strides;
}

struct Total {
  template <typename T>
  static constexpr T start = T{0};
  static float combine(float a, float b) { return a + b; }
  template <typename T>
  static T combine(T a, T b) {
    using Wrapping = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Wrapping>(a) + static_cast<Wrapping>(b));
  }
};

struct Largest {
  template <typename T>
  static constexpr T start = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                                  : std::numeric_limits<T>::lowest();
  template <typename T>
  static T combine(T a, T b) {
    return a > b || a != a ? a : b;
  }
};

struct Least {
  template <typename T>
  static constexpr T start = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                                  : std::numeric_limits<T>::max();
  template <typename T>
  static T combine(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

struct Multiplied {
  template <typename T>
  static constexpr T start = T{1};
  static float combine(float a, float b) { return a * b; }
  template <typename T>
  static T combine(T a, T b) {
    using Wrapping = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Wrapping>(a) * static_cast<Wrapping>(b));
  }
};

template <typename Reduction, typename T>
T reduce_row(const T* x, std::int64_t n) {
  if constexpr (std::is_same_v<Reduction, Total> && std::is_same_v<T, float>) return sum(x, n);
  T result = Reduction::template start<T>;
  for (std::int64_t i = 0; i < n; ++i) result = Reduction::combine(result, x[i]);
  return result;
}

/// Row by row: a row is reduced to one number where its axis is, and combined element by element where it is not.
template <typename Reduction, typename T>
void reduce(const TensorView& x, const TensorView& y, const Mask& reduced) {
  T* target = y.as<T>().data();
  std::fill_n(target, y.shape.elements(), Reduction::template start<T>);
  const std::size_t rank = x.shape.rank();
  const std::int64_t n = rank == 0 ? 1 : x.shape.back();
  const bool row_is_reduced = rank == 0 || reduced[rank - 1];
  const std::array<Strides, 1> strides{reduction_strides(x.shape, reduced)};
  for_each_element(rows_of(x.shape), strides, [&](std::int64_t row, const std::array<std::int64_t, 1>& offset) {
    const T* source = x.as<T>().data() + row * n;
    T* into = target + offset[0];
    if (row_is_reduced) {
      *into = Reduction::combine(*into, reduce_row<Reduction>(source, n));
    } else {
      for (std::int64_t i = 0; i < n; ++i) into[i] = Reduction::combine(into[i], source[i]);
    }
  });
}

Mask evaluated_mask(const Node& node, std::span<const TensorView> inputs) {
  const bool from_input = given(inputs, 1);
  return mask_of(node, from_input ? inputs[1].as<const std::int64_t>() : attribute_axes(node), inputs[0].shape.rank());
}

template <typename Reduction>
void evaluate_reduction(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Mask reduced = evaluated_mask(node, inputs);
  switch (inputs[0].type) {
    case DataType::s32: return reduce<Reduction, std::int32_t>(inputs[0], outputs[0], reduced);
    case DataType::i64: return reduce<Reduction, std::int64_t>(inputs[0], outputs[0], reduced);
    default: return reduce<Reduction, float>(inputs[0], outputs[0], reduced);
  }
}

float squared(float x) {
  return x * x;
}
float magnitude(float x) {
  return std::fabs(x);
}
float unchanged(float x) {
  return x;
}
float root(float x) {
  return std::sqrt(x);
}
float logarithm(float x) {
  return std::log(x);
}

/// after(sum of before(x)) over the reduced axes.
template <float (*before)(float), float (*after)(float)>
void evaluate_sum_of(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  const auto y = outputs[0].as<float>();
  std::fill(y.begin(), y.end(), 0.0F);
  const std::size_t rank = shape.rank();
  const Mask reduced = evaluated_mask(node, inputs);
  const std::int64_t n = rank == 0 ? 1 : shape.back();
  const bool row_is_reduced = rank == 0 || reduced[rank - 1];
  for_each_element<1>(rows_of(shape), {reduction_strides(shape, reduced)}, [&](std::int64_t row, const auto& offset) {
    const float* x = inputs[0].as<float>().data() + row * n;
    float* into = y.data() + offset[0];
    if (row_is_reduced) {
      *into += sum_in_lanes(n, [=](std::int64_t i) { return before(x[i]); });
    } else {
      for (std::int64_t i = 0; i < n; ++i) into[i] += before(x[i]);
    }
  });
  for (float& element : y) element = after(element);
}

/// log(sum(exp(x))) around the largest x, so that nothing overflows.
void evaluate_log_sum_exp(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  const Mask reduced = evaluated_mask(node, inputs);
  reduce<Largest, float>(inputs[0], outputs[0], reduced);
  // Each output element is computed from the largest of its own inputs, which it holds until then.
  const std::array<Strides, 1> strides{reduction_strides(shape, reduced)};
  const float* x = inputs[0].as<float>().data();
  const auto y = outputs[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const float largest = std::isfinite(y[i]) ? y[i] : 0.0F;
    float total = 0.0F;
    for_each_element(shape, strides, [&](std::int64_t at, const std::array<std::int64_t, 1>& target) {
      if (static_cast<std::size_t>(target[0]) == i) total += std::exp(x[at] - largest);
    });
    y[i] = largest + std::log(total);
  }
}

void evaluate_mean(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Mask reduced = evaluated_mask(node, inputs);
  reduce<Total, float>(inputs[0], outputs[0], reduced);
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < inputs[0].shape.rank(); ++axis)
    if (reduced[axis]) count *= inputs[0].shape[axis];
  for (float& mean : outputs[0].as<float>()) mean /= static_cast<float>(count);
}

void infer_arg_max(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32, DataType::i64, DataType::s32});
  const SymbolicShape& x = input_value(graph, node, 0).shape;
  Mask reduced{};
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", 0), x.rank());
  if (x.dims[axis] == Dim(0)) node_error(node, "the axis to search is empty");
  reduced[axis] = true;
  set_output(graph, node, 0, DataType::i64, reduced_shape(x, reduced, keeps_dims(node)));
}

template <typename T, bool largest>
void arg_extreme(const Node& node, const TensorView& x, const TensorView& y) {
  const bool last = node.attribute_or<std::int64_t>("select_last_index", 0) != 0;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", 0), x.shape.rank());
  const std::int64_t n = x.shape[axis];
  const std::int64_t inner = x.shape.product(axis + 1, x.shape.rank());
  const auto target = y.as<std::int64_t>();
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const T* source = x.as<T>().data() + at / inner * n * inner + at % inner;
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < n; ++k) {
      const T candidate = source[k * inner];
      const bool better = largest ? candidate > source[best * inner] : candidate < source[best * inner];
      if (better || (last && candidate == source[best * inner])) best = k;
    }
    target[i] = best;
  }
}

template <bool largest>
void evaluate_arg(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  switch (inputs[0].type) {
    case DataType::s32: return arg_extreme<std::int32_t, largest>(node, inputs[0], outputs[0]);
    case DataType::i64: return arg_extreme<std::int64_t, largest>(node, inputs[0], outputs[0]);
    default: return arg_extreme<float, largest>(node, inputs[0], outputs[0]);
  }
}

}  // namespace

std::vector<OpSchema> reduce_ops() {
  constexpr auto integer = AttributeKind::integer;
  const std::vector<AttributeSpec> reduction{
      {"axes", AttributeKind::integers}, {"keepdims", integer}, {"noop_with_empty_axes", integer}};
  const std::vector<AttributeSpec> search{{"axis", integer}, {"keepdims", integer}, {"select_last_index", integer}};
  const auto row = [&](std::string_view name, auto infer, auto evaluate) {
    return OpSchema{name,           1, 2, 1, reduction, infer, evaluate, ItemRule::inner_axes, OpKind::reduction,
                    Codes::numbers, 1};
  };
  return {{"ReduceMean", 1, 2, 1, reduction, infer_mean, evaluate_mean, ItemRule::inner_axes, OpKind::reduction,
           Codes::numbers, 1},
          {"ReduceSum", 1, 2, 1, reduction, infer_number_reduction, evaluate_reduction<Total>, ItemRule::inner_axes,
           OpKind::reduction, Codes::numbers, 1},
          {"ReduceMax", 1, 2, 1, reduction, infer_number_reduction, evaluate_reduction<Largest>, ItemRule::inner_axes,
           OpKind::reduction, Codes::numbers, 1},
          row("ReduceMin", infer_number_reduction, evaluate_reduction<Least>),
          row("ReduceProd", infer_number_reduction, evaluate_reduction<Multiplied>),
          row("ReduceL1", infer_mean, evaluate_sum_of<magnitude, unchanged>),
          row("ReduceL2", infer_mean, evaluate_sum_of<squared, root>),
          row("ReduceSumSquare", infer_mean, evaluate_sum_of<squared, unchanged>),
          row("ReduceLogSum", infer_mean, evaluate_sum_of<unchanged, logarithm>),
          row("ReduceLogSumExp", infer_mean, evaluate_log_sum_exp),
          {"ArgMin", 1, 1, 1, search, infer_arg_max, evaluate_arg<false>, ItemRule::mixes, OpKind::reduction,
           Codes::numbers, 1},
          {"ArgMax", 1, 1, 1, search, infer_arg_max, evaluate_arg<true>, ItemRule::mixes, OpKind::reduction,
           Codes::numbers, 1}};
}

}  // namespace tessera
