// Reductions over any set of axes, and ArgMax and ArgMin over one.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <type_traits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"
#include "ops/reduction.hpp"

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

Mask evaluated_mask(const Node& node, std::span<const TensorView> inputs) {
  const bool from_input = given(inputs, 1);
  return mask_of(node, from_input ? inputs[1].as<const std::int64_t>() : attribute_axes(node), inputs[0].shape.rank());
}

ReductionLoops reduction_loops(const Shape& x, const Mask& reduced) {
  ReductionLoops loops;
  if (x.rank() == 0) return loops;
  const Strides strides = dense_strides(x);
  std::array<std::int64_t, Shape::max_rank> kept{}, gone{};
  std::size_t kept_axes = 0, gone_axes = 0;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    if (reduced[axis]) loops.count *= x[axis];
    if (axis + 1 == x.rank()) break;
    if (reduced[axis]) {
      loops.reduced_strides[gone_axes] = strides[axis];
      gone[gone_axes++] = x[axis];
    } else {
      loops.kept_strides[kept_axes] = strides[axis];
      kept[kept_axes++] = x[axis];
    }
  }
  loops.kept = Shape(std::span<const std::int64_t>(kept).first(kept_axes));
  loops.reduced = Shape(std::span<const std::int64_t>(gone).first(gone_axes));
  loops.row = x.back();
  loops.row_is_reduced = reduced[x.rank() - 1];
  return loops;
}

// ---- what is made of the elements: start, what a row becomes, what two numbers become, what the last one becomes ----

template <typename T>
struct AsTheyAre {
  static T element(T x) { return x; }
  static T finish(T x, std::int64_t) { return x; }
};

/// Integers wrap.
template <typename T>
struct SumOf : AsTheyAre<T> {
  static constexpr T start = T{0};
  static T combine(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      return a + b;
    } else {
      using Wrapping = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<Wrapping>(a) + static_cast<Wrapping>(b));
    }
  }
};

struct MeanOf : SumOf<float> {
  static float finish(float x, std::int64_t count) { return x / static_cast<float>(count); }
};

template <typename T>
struct ProductOf : AsTheyAre<T> {
  static constexpr T start = T{1};
  static T combine(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      return a * b;
    } else {
      using Wrapping = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<Wrapping>(a) * static_cast<Wrapping>(b));
    }
  }
};

template <typename T>
struct LargestOf : AsTheyAre<T> {
  using Limits = std::numeric_limits<T>;
  static constexpr T start = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  static T combine(T a, T b) { return a > b || a != a ? a : b; }
};

template <typename T>
struct LeastOf : AsTheyAre<T> {
  using Limits = std::numeric_limits<T>;
  static constexpr T start = Limits::has_infinity ? Limits::infinity() : Limits::max();
  static T combine(T a, T b) { return a < b || a != a ? a : b; }
};

struct SumOfMagnitudes : SumOf<float> {
  static float element(float x) { return std::fabs(x); }
};
struct SumOfSquares : SumOf<float> {
  static float element(float x) { return x * x; }
};
struct LengthOf : SumOfSquares {
  static float finish(float x, std::int64_t) { return std::sqrt(x); }
};
struct LogOfSum : SumOf<float> {
  static float finish(float x, std::int64_t) { return std::log(x); }
};

/// Sums of floats go in lanes.
template <typename Kind, typename T>
T reduce_row(const T* x, std::int64_t n) {
  if constexpr (std::is_base_of_v<SumOf<float>, Kind>) {
    return sum_in_lanes(n, [=](std::int64_t i) { return Kind::element(x[i]); });
  } else {
    T result = Kind::start;
    for (std::int64_t i = 0; i < n; ++i) result = Kind::combine(result, Kind::element(x[i]));
    return result;
  }
}

template <typename Kind, typename T>
void combine_rows(const T* __restrict x, T* __restrict y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = Kind::combine(y[i], Kind::element(x[i]));
}

/// Row by row, in the order in which they lie: a row is reduced to one number where its axis is, and combined element
/// by element where it is not.
template <typename Kind, typename T>
void reduce_parts(const ReductionLoops& loops, const T* x, T* y, std::int64_t first_part, std::int64_t last_part) {
  const std::int64_t blocks = loops.blocks();
  for (std::int64_t part = first_part; part < last_part; ++part) {
    const std::int64_t column = part % blocks * ReductionLoops::block;
    const std::int64_t n = loops.row_is_reduced ? 1 : std::min(ReductionLoops::block, loops.row - column);
    const T* from = x + column;
    std::int64_t rest = part / blocks;
    T* const into = y + rest * (loops.row_is_reduced ? 1 : loops.row) + column;
    for (std::size_t axis = loops.kept.rank(); axis-- > 0; rest /= loops.kept[axis])
      from += rest % loops.kept[axis] * loops.kept_strides[axis];
    std::fill_n(into, n, Kind::start);
    for_each_element<1>(loops.reduced, {loops.reduced_strides}, [&](std::int64_t, const auto& at) {
      if (loops.row_is_reduced)
        *into = Kind::combine(*into, reduce_row<Kind>(from + at[0], loops.row));
      else
        combine_rows<Kind>(from + at[0], into, n);
    });
    for (std::int64_t i = 0; i < n; ++i) into[i] = Kind::finish(into[i], loops.count);
  }
}

template <typename Kind, typename T>
void reduce_all(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const ReductionLoops loops = reduction_loops(inputs[0].shape, evaluated_mask(node, inputs));
  reduce_parts<Kind>(loops, static_cast<const T*>(inputs[0].as<T>().data()), outputs[0].as<T>().data(), 0,
                     loops.parts());
}

template <typename Kind>
void evaluate_float_reduction(const Node& node, std::span<const TensorView> inputs,
                              std::span<const TensorView> outputs) {
  reduce_all<Kind, float>(node, inputs, outputs);
}

template <template <typename> typename Kind>
void evaluate_reduction(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  switch (inputs[0].type) {
    case DataType::s32: return reduce_all<Kind<std::int32_t>, std::int32_t>(node, inputs, outputs);
    case DataType::i64: return reduce_all<Kind<std::int64_t>, std::int64_t>(node, inputs, outputs);
    default: return reduce_all<Kind<float>, float>(node, inputs, outputs);
  }
}

/// log(sum(exp(x))) around the largest x, so that nothing overflows.
void evaluate_log_sum_exp(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  const Mask reduced = evaluated_mask(node, inputs);
  evaluate_float_reduction<LargestOf<float>>(node, inputs, outputs);
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

struct NamedReduction {
  std::string_view op;
  void (*compute)(const ReductionLoops& loops, const float* x, float* y, std::int64_t first, std::int64_t last);
};
constexpr std::array float_reductions{
    NamedReduction{"ReduceMean", &reduce_parts<MeanOf, float>},
    NamedReduction{"ReduceSum", &reduce_parts<SumOf<float>, float>},
    NamedReduction{"ReduceMax", &reduce_parts<LargestOf<float>, float>},
    NamedReduction{"ReduceMin", &reduce_parts<LeastOf<float>, float>},
    NamedReduction{"ReduceProd", &reduce_parts<ProductOf<float>, float>},
    NamedReduction{"ReduceL1", &reduce_parts<SumOfMagnitudes, float>},
    NamedReduction{"ReduceL2", &reduce_parts<LengthOf, float>},
    NamedReduction{"ReduceSumSquare", &reduce_parts<SumOfSquares, float>},
    NamedReduction{"ReduceLogSum", &reduce_parts<LogOfSum, float>},
};

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

std::optional<FloatReduction> float_reduction_of(const Node& node, std::span<const TensorView> inputs) {
  const auto found = std::ranges::find(float_reductions, std::string_view(node.op), &NamedReduction::op);
  if (found == float_reductions.end() || inputs[0].type != DataType::f32) return std::nullopt;
  return FloatReduction{reduction_loops(inputs[0].shape, evaluated_mask(node, inputs)), found->compute};
}

std::vector<OpSchema> reduce_ops() {
  constexpr auto integer = AttributeKind::integer;
  const std::vector<AttributeSpec> reduction{
      {"axes", AttributeKind::integers}, {"keepdims", integer}, {"noop_with_empty_axes", integer}};
  const std::vector<AttributeSpec> search{{"axis", integer}, {"keepdims", integer}, {"select_last_index", integer}};
  const auto row = [&](std::string_view name, auto infer, auto evaluate) {
    return OpSchema{name,           1, 2, 1, reduction, infer, evaluate, ItemRule::inner_axes, OpKind::reduction,
                    Codes::numbers, 1};
  };
  return {{"ReduceMean", 1, 2, 1, reduction, infer_mean, evaluate_float_reduction<MeanOf>, ItemRule::inner_axes,
           OpKind::reduction, Codes::numbers, 1},
          {"ReduceSum", 1, 2, 1, reduction, infer_number_reduction, evaluate_reduction<SumOf>, ItemRule::inner_axes,
           OpKind::reduction, Codes::numbers, 1},
          {"ReduceMax", 1, 2, 1, reduction, infer_number_reduction, evaluate_reduction<LargestOf>, ItemRule::inner_axes,
           OpKind::reduction, Codes::numbers, 1},
          row("ReduceMin", infer_number_reduction, evaluate_reduction<LeastOf>),
          row("ReduceProd", infer_number_reduction, evaluate_reduction<ProductOf>),
          row("ReduceL1", infer_mean, evaluate_float_reduction<SumOfMagnitudes>),
          row("ReduceL2", infer_mean, evaluate_float_reduction<LengthOf>),
          row("ReduceSumSquare", infer_mean, evaluate_float_reduction<SumOfSquares>),
          row("ReduceLogSum", infer_mean, evaluate_float_reduction<LogOfSum>),
          row("ReduceLogSumExp", infer_mean, evaluate_log_sum_exp),
          {"ArgMin", 1, 1, 1, search, infer_arg_max, evaluate_arg<false>, ItemRule::mixes, OpKind::reduction,
           Codes::numbers, 1},
          {"ArgMax", 1, 1, 1, search, infer_arg_max, evaluate_arg<true>, ItemRule::mixes, OpKind::reduction,
           Codes::numbers, 1}};
}

}  // namespace tessera
