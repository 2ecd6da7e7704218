// Ops along an axis or over a matrix that belong to no larger family: CumSum, Trilu, Tile, TopK, OneHot, NonZero.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/helpers.hpp"
#include "ops/strided_copy.hpp"

namespace tessera {
namespace {

constexpr std::initializer_list<DataType> number_types{DataType::f32, DataType::i64, DataType::s32};

/// Sum that wraps on integers, as two's complement hardware does.
template <typename T>
T wrapping_sum(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
  else
    return a + b;
}

// ---- CumSum ----

/// Sums of the extents before each place: positions computed from shapes stay known.
void cum_sum_extents(Graph& graph, const Node& node) {
  const auto x = extents_of(graph, node.input(0));
  if (!x || graph.value(node.outputs[0]).shape.rank() != 1) return;
  const bool exclusive = node.attribute_or<std::int64_t>("exclusive", 0) != 0;
  if (node.attribute_or<std::int64_t>("reverse", 0) != 0) return;
  std::vector<Dim> sums;
  Dim total = 0;
  for (const Dim& dim : *x) {
    if (exclusive) sums.push_back(total);
    total = total + dim;
    if (!exclusive) sums.push_back(total);
  }
  set_extents(graph, node, std::move(sums));
}

void infer_cum_sum(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, number_types);
  expect_type(graph, node, 1, {DataType::i64, DataType::s32});
  const Value& x = input_value(graph, node, 0);
  if (const auto axis = integers_of(graph, node.input(1)); axis && axis->size() == 1)
    normalised_axis(node, axis->front(), x.shape.rank());
  set_output(graph, node, 0, x.type, SymbolicShape(x.shape));
  cum_sum_extents(graph, node);
}

void evaluate_cum_sum(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  if (inputs[1].shape.elements() != 1) node_error(node, "its axis is not one number");
  const std::size_t axis = normalised_axis(node, integer_at(inputs[1], 0), shape.rank());
  const bool exclusive = node.attribute_or<std::int64_t>("exclusive", 0) != 0;
  const bool reverse = node.attribute_or<std::int64_t>("reverse", 0) != 0;
  const std::int64_t n = shape[axis], inner = shape.product(axis + 1, shape.rank());
  const std::int64_t lines = shape.product(0, axis) * inner;
  with_number(inputs[0].type, [&]<typename T>(T) {
    for (std::int64_t line = 0; line < lines; ++line) {
      const std::int64_t start = line / inner * n * inner + line % inner;
      T total{};
      for (std::int64_t k = 0; k < n; ++k) {
        const std::int64_t at = start + (reverse ? n - 1 - k : k) * inner;
        const T element = inputs[0].as<T>()[static_cast<std::size_t>(at)];
        const T before = total;
        total = wrapping_sum(total, element);
        outputs[0].as<T>()[static_cast<std::size_t>(at)] = exclusive ? before : total;
      }
    }
  });
}

// ---- Trilu: one triangle of each matrix, zero elsewhere ----

void infer_trilu(Graph& graph, const Node& node) {
  const Value& x = input_value(graph, node, 0);
  if (x.shape.rank() < 2) node_error(node, "input " + to_string(x.shape) + " is not a matrix");
  expect_type(graph, node, 1, {DataType::i64});
  set_output(graph, node, 0, x.type, SymbolicShape(x.shape));
}

void evaluate_trilu(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const bool upper = node.attribute_or<std::int64_t>("upper", 1) != 0;
  const Shape& shape = inputs[0].shape;
  const std::int64_t rows = shape.back(1), columns = shape.back();
  // Beyond the matrix every diagonal is alike; bounded, no sum below can overflow.
  const std::int64_t k = given(inputs, 1) ? std::clamp(integer_at(inputs[1], 0), -rows - 1, columns + 1) : 0;
  with_element_width(inputs[0].type, [&]<typename T>(T) {
    const auto x = inputs[0].as<T>();
    const auto y = outputs[0].as<T>();
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::int64_t column = static_cast<std::int64_t>(i) % columns;
      const std::int64_t row = static_cast<std::int64_t>(i) / columns % rows;
      const bool kept = upper ? column - row >= k : column - row <= k;
      y[i] = kept ? x[i] : T{};
    }
  });
}

// ---- Tile ----

void infer_tile(Graph& graph, const Node& node) {
  const Value& x = input_value(graph, node, 0);
  expect_type(graph, node, 1, {DataType::i64});
  const DataType type = x.type;
  std::vector<Dim> dims = x.shape.dims;
  const auto repeats = extents_of(graph, node.input(1));
  if (!repeats) return set_output(graph, node, 0, type, SymbolicShape(std::vector<Dim>(dims.size())));
  if (repeats->size() != dims.size())
    node_error(node, std::to_string(repeats->size()) + " repeats for a tensor of rank " + std::to_string(dims.size()));
  for (std::size_t i = 0; i < dims.size(); ++i) dims[i] = dims[i] * (*repeats)[i];
  const auto extents = extents_of(graph, node.input(0));
  const bool vector = dims.size() == 1;
  const Dim times = vector ? repeats->front() : Dim();
  set_output(graph, node, 0, type, SymbolicShape(std::move(dims)));
  constexpr std::int64_t most = 2 * static_cast<std::int64_t>(Shape::max_rank);
  if (!vector || !extents || !times.known() || times.value() < 0 || times.value() > most) return;
  std::vector<Dim> tiled;
  for (std::int64_t i = 0; i < times.value(); ++i) tiled.insert(tiled.end(), extents->begin(), extents->end());
  set_extents(graph, node, std::move(tiled));
}

void evaluate_tile(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape &from = inputs[0].shape, &to = outputs[0].shape;
  const Strides strides = dense_strides(from);
  for (std::size_t axis = 0; axis < from.rank(); ++axis)
    if (integer_at(inputs[1], static_cast<std::int64_t>(axis)) * from[axis] != to[axis])
      node_error(node, "its repeats differ from the planned ones");
  with_element_width(inputs[0].type, [&]<typename T>(T) {
    const T* source = inputs[0].as<T>().data();
    T* target = outputs[0].as<T>().data();
    const Strides positions = dense_strides(to);
    for (std::int64_t i = 0; i < to.elements(); ++i) {
      std::int64_t at = 0;
      for (std::size_t axis = 0; axis < to.rank(); ++axis)
        if (to[axis] > 1) at += i / positions[axis] % to[axis] % from[axis] * strides[axis];
      target[i] = source[at];
    }
  });
}

}  // namespace

std::optional<StridedCopy> tile_copy(const Shape& x, const Shape& y, const Strides& from) {
  StridedCopy copy;
  std::size_t rank = 0;
  const auto add_axis = [&](std::int64_t extent, std::int64_t stride) {
    if (rank < Shape::max_rank) {
      copy.shape.push_back(extent);
      copy.strides[rank] = stride;
    }
    ++rank;
  };
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    if (y[axis] != x[axis] && x[axis] != 0) add_axis(y[axis] / x[axis], 0);
    if (y[axis] == x[axis] || x[axis] != 1) add_axis(x[axis], from[axis]);
  }
  if (rank > Shape::max_rank) return std::nullopt;
  return copy;
}

namespace {

// ---- TopK ----

void infer_top_k(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, number_types);
  expect_type(graph, node, 1, {DataType::i64});
  const Value& x = input_value(graph, node, 0);
  const DataType type = x.type;
  SymbolicShape shape = x.shape;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), shape.rank());
  const auto k = extents_of(graph, node.input(1));
  if (k && k->size() != 1) node_error(node, "its k is not one number");
  if (k && k->front().known() && shape.dims[axis].known() &&
      (k->front().value() < 0 || k->front().value() > shape.dims[axis].value()))
    node_error(node, "k is " + to_string(k->front()) + ", the axis has " + to_string(shape.dims[axis]));
  shape.dims[axis] = k ? k->front() : Dim();
  set_output(graph, node, 0, type, shape);
  set_output(graph, node, 1, DataType::i64, shape);
}

/// Whether element a comes before element b: NaN counts as the largest number, and of equals the first comes first.
template <typename T>
bool comes_first(T a, T b, bool largest) {
  if (a != a || b != b) return largest ? a != a && b == b : a == a && b != b;
  return largest ? a > b : a < b;
}

/// Insertion into the k best so far: no memory of its own, and k is small where this op is used.
template <typename T>
void top_of_line(const T* x, std::int64_t n, std::int64_t step, bool largest, T* values, std::int64_t* indices,
                 std::int64_t k, std::int64_t out_step) {
  std::int64_t held = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const T candidate = x[i * step];
    if (held == k && (k == 0 || !comes_first(candidate, values[(k - 1) * out_step], largest))) continue;
    std::int64_t at = held < k ? held++ : k - 1;
    for (; at > 0 && comes_first(candidate, values[(at - 1) * out_step], largest); --at) {
      values[at * out_step] = values[(at - 1) * out_step];
      indices[at * out_step] = indices[(at - 1) * out_step];
    }
    values[at * out_step] = candidate;
    indices[at * out_step] = i;
  }
}

void evaluate_top_k(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  if (outputs.size() < 2 || outputs[0].data == nullptr || outputs[1].data == nullptr)
    node_error(node, "one of its outputs is omitted");
  const Shape& shape = inputs[0].shape;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), shape.rank());
  const bool largest = node.attribute_or<std::int64_t>("largest", 1) != 0;
  const std::int64_t n = shape[axis], k = outputs[0].shape[axis], inner = shape.product(axis + 1, shape.rank());
  if (integer_at(inputs[1], 0) != k) node_error(node, "its k differs from the planned one");
  const std::int64_t lines = shape.product(0, axis) * inner;
  with_number(inputs[0].type, [&]<typename T>(T) {
    for (std::int64_t line = 0; line < lines; ++line) {
      const std::int64_t outer = line / inner, rest = line % inner;
      top_of_line(inputs[0].as<T>().data() + outer * n * inner + rest, n, inner, largest,
                  outputs[0].as<T>().data() + outer * k * inner + rest,
                  outputs[1].as<std::int64_t>().data() + outer * k * inner + rest, k, inner);
    }
  });
}

// ---- OneHot ----

/// The depth may be a whole number in f32, too.
Dim one_hot_depth(const Graph& graph, const Node& node) {
  const Value& depth = input_value(graph, node, 1);
  if (depth.is_constant() && depth.type == DataType::f32 && depth.constant.shape().elements() == 1) {
    const float number = depth.constant.as<float>()[0];
    if (!(number >= 0.0F && number <= 1e9F) || number != std::floor(number))
      node_error(node, "its depth is " + std::to_string(number), "give a whole number");
    return Dim(static_cast<std::int64_t>(number));
  }
  const auto depths = extents_of(graph, node.input(1));
  return depths && depths->size() == 1 ? depths->front() : Dim();
}

void infer_one_hot(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, number_types);
  expect_type(graph, node, 1, number_types);
  const SymbolicShape& indices = input_value(graph, node, 0).shape;
  const auto axis = node.attribute_or<std::int64_t>("axis", -1);
  std::vector<Dim> dims = indices.dims;
  const std::size_t place = normalised_axis(node, axis, dims.size() + 1);
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(place), one_hot_depth(graph, node));
  set_output(graph, node, 0, input_value(graph, node, 2).type, SymbolicShape(std::move(dims)));
}

void evaluate_one_hot(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = outputs[0].shape;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), shape.rank());
  const std::int64_t depth = shape[axis], inner = shape.product(axis + 1, shape.rank());
  if (inputs[2].shape.elements() != 2) node_error(node, "its values are not [off, on]");
  const auto index_of = [&](std::int64_t i) {
    if (inputs[0].type != DataType::f32) return integer_at(inputs[0], i);
    const float real = inputs[0].as<float>()[static_cast<std::size_t>(i)];
    return std::fabs(real) < 1e9F ? static_cast<std::int64_t>(real) : depth;  // anything outside is off everywhere
  };
  with_element_width(outputs[0].type, [&]<typename T>(T) {
    const auto values = inputs[2].as<T>();
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const std::int64_t outer = i / (depth * inner), place = i / inner % depth, rest = i % inner;
      std::int64_t index = index_of(outer * inner + rest);
      if (index < 0) index += depth;
      outputs[0].as<T>()[static_cast<std::size_t>(i)] = values[index == place ? 1 : 0];
    }
  });
}

// ---- NonZero: as many columns as there are elements that are not zero, so only where the elements are known ----

void infer_non_zero(Graph& graph, const Node& node) {
  const Value& x = input_value(graph, node, 0);
  const auto rank = static_cast<std::int64_t>(std::max<std::size_t>(x.shape.rank(), 1));
  Dim count;
  if (x.is_constant()) {
    std::int64_t found = 0;
    with_type(x.type, [&]<typename T>(T) {
      for (const T element : x.constant.as<T>()) {
        if constexpr (std::is_same_v<T, bfloat16>)
          found += static_cast<float>(element) != 0.0F ? 1 : 0;
        else
          found += element != T{} ? 1 : 0;
      }
    });
    count = found;
  }
  set_output(graph, node, 0, DataType::i64, SymbolicShape{rank, count});
}

void evaluate_non_zero(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape;
  const std::int64_t count = outputs[0].shape[1];
  std::int64_t found = 0;
  const auto target = outputs[0].as<std::int64_t>();
  const Strides strides = dense_strides(shape);
  with_type(inputs[0].type, [&]<typename T>(T) {
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const T element = inputs[0].as<T>()[static_cast<std::size_t>(i)];
      bool zero;
      if constexpr (std::is_same_v<T, bfloat16>)
        zero = static_cast<float>(element) == 0.0F;
      else
        zero = element == T{};
      if (zero) continue;
      if (found < count) {
        for (std::size_t axis = 0; axis < shape.rank(); ++axis)
          target[static_cast<std::size_t>(static_cast<std::int64_t>(axis) * count + found)] =
              shape[axis] == 1 ? 0 : i / strides[axis] % shape[axis];
        if (shape.rank() == 0) target[static_cast<std::size_t>(found)] = 0;
      }
      ++found;
    }
  });
  if (found != count) node_error(node, "it finds another number of elements than was planned");
}

}  // namespace

std::vector<OpSchema> scan_ops() {
  using enum AttributeKind;
  constexpr auto movement = OpKind::movement;
  return {
      {"CumSum",
       2,
       2,
       1,
       {{"exclusive", integer}, {"reverse", integer}},
       infer_cum_sum,
       evaluate_cum_sum,
       ItemRule::mixes,
       OpKind::other,
       Codes::numbers,
       11},
      {"Trilu",
       1,
       2,
       1,
       {{"upper", integer}},
       infer_trilu,
       evaluate_trilu,
       ItemRule::mixes,
       movement,
       Codes::numbers,
       14},
      {"Tile", 2, 2, 1, {}, infer_tile, evaluate_tile, ItemRule::mixes, movement, Codes::passes, 1},
      {"TopK",
       2,
       2,
       2,
       {{"axis", integer}, {"largest", integer}, {"sorted", integer}},
       infer_top_k,
       evaluate_top_k,
       ItemRule::mixes,
       OpKind::reduction,
       Codes::numbers,
       1},
      {"OneHot",
       3,
       3,
       1,
       {{"axis", integer}},
       infer_one_hot,
       evaluate_one_hot,
       ItemRule::mixes,
       OpKind::other,
       Codes::numbers,
       9},
      {"NonZero", 1, 1, 1, {}, infer_non_zero, evaluate_non_zero, ItemRule::mixes, OpKind::other, Codes::numbers, 9},
  };
}

}  // namespace tessera
