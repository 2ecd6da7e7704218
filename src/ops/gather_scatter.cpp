// Elements addressed one by one or row by row: GatherElements, GatherND, ScatterElements, ScatterND.
#include <algorithm>
#include <cstring>
#include <utility>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/helpers.hpp"

namespace tessera {
namespace {

/// An index that may count from the end, as a place in [0, extent).
std::int64_t place_of(const Node& node, std::int64_t index, std::int64_t extent, std::size_t axis) {
  if (index < -extent || index >= extent)
    node_error(node,
               "index " + std::to_string(index) + " is outside the " + std::to_string(extent) + " entries of axis " +
                   std::to_string(axis),
               "check the values of the model's inputs");
  return index < 0 ? index + extent : index;
}

std::size_t axis_of(const Node& node, std::size_t rank) {
  return normalised_axis(node, node.attribute_or<std::int64_t>("axis", 0), rank);
}

// ---- GatherElements, ScatterElements: indices have the rank of the data and replace one coordinate ----

void infer_gather_elements(Graph& graph, const Node& node) {
  const Value& data = input_value(graph, node, 0);
  expect_type(graph, node, 1, {DataType::i64, DataType::s32});
  expect_rank(graph, node, 1, data.shape.rank());
  axis_of(node, data.shape.rank());
  set_output(graph, node, 0, data.type, input_value(graph, node, 1).shape);
}

void expect_inside(const Node& node, const Shape& indices, const Shape& data, std::size_t axis) {
  for (std::size_t i = 0; i < data.rank(); ++i)
    if (i != axis && indices[i] > data[i])
      node_error(node, "its indices have shape " + to_string(indices) + ", the data " + to_string(data));
}

/// Strides that follow the indices through the data, apart from the axis that they replace.
Strides strides_beside(const Shape& data, std::size_t axis) {
  Strides strides = dense_strides(data);
  for (std::size_t i = 0; i < data.rank(); ++i)
    if (data[i] == 1) strides[i] = 0;
  strides[axis] = 0;
  return strides;
}

std::int64_t step_along(const Shape& data, std::size_t axis) {
  return data.product(axis + 1, data.rank());
}

void evaluate_gather_elements(const Node& node, std::span<const TensorView> inputs,
                              std::span<const TensorView> outputs) {
  const TensorView &data = inputs[0], &indices = inputs[1];
  const std::size_t axis = axis_of(node, data.shape.rank());
  expect_inside(node, indices.shape, data.shape, axis);
  const std::int64_t step = step_along(data.shape, axis);
  with_element_width(data.type, [&]<typename T>(T) {
    const T* source = data.as<T>().data();
    T* target = outputs[0].as<T>().data();
    for_each_element<1>(indices.shape, {strides_beside(data.shape, axis)}, [&](std::int64_t i, const auto& at) {
      target[i] = source[at[0] + step * place_of(node, integer_at(indices, i), data.shape[axis], axis)];
    });
  });
}

enum class Combine : std::uint8_t { replace, add, mul, min, max };

Combine combination(const Node& node) {
  const auto reduction = text_attribute(node, "reduction", "none");
  if (reduction == "none") return Combine::replace;
  if (reduction == "add") return Combine::add;
  if (reduction == "mul") return Combine::mul;
  if (reduction == "min") return Combine::min;
  if (reduction == "max") return Combine::max;
  node_error(node, "attribute reduction is " + std::string(reduction) + "; supported: none, add, mul, min, max");
}

void infer_scatter(Graph& graph, const Node& node) {
  const Value& data = input_value(graph, node, 0);
  expect_type(graph, node, 1, {DataType::i64, DataType::s32});
  expect_same_type(graph, node, 0, 2);
  if (combination(node) != Combine::replace) expect_type(graph, node, 0, {DataType::f32, DataType::i64, DataType::s32});
  const DataType type = data.type;
  set_output(graph, node, 0, type, SymbolicShape(data.shape));
}

void infer_scatter_elements(Graph& graph, const Node& node) {
  const std::size_t rank = input_value(graph, node, 0).shape.rank();
  expect_rank(graph, node, 1, rank);
  expect_rank(graph, node, 2, rank);
  axis_of(node, rank);
  infer_scatter(graph, node);
}

template <typename T>
T combined(Combine how, T old, T update) {
  switch (how) {
    case Combine::add:
    case Combine::mul:
      if constexpr (std::is_integral_v<T>) {  // unsigned: integers wrap
        using Wrapping = std::make_unsigned_t<T>;
        const auto a = static_cast<Wrapping>(old), b = static_cast<Wrapping>(update);
        return static_cast<T>(how == Combine::add ? a + b : a * b);
      } else {
        return how == Combine::add ? old + update : old * update;
      }
    case Combine::min: return std::min(old, update);
    case Combine::max: return std::max(old, update);
    case Combine::replace: break;
  }
  return update;
}

/// Runs body(T{}): numbers where they are combined, any type of that width where they only replace each other.
template <typename Body>
void with_update_type(DataType type, Combine how, Body body) {
  if (how == Combine::replace) return with_element_width(type, body);
  switch (type) {
    case DataType::s32: return body(std::int32_t{});
    case DataType::i64: return body(std::int64_t{});
    default: return body(float{});
  }
}

void evaluate_scatter_elements(const Node& node, std::span<const TensorView> inputs,
                               std::span<const TensorView> outputs) {
  const TensorView &data = inputs[0], &indices = inputs[1], &updates = inputs[2];
  const std::size_t axis = axis_of(node, data.shape.rank());
  expect_inside(node, indices.shape, data.shape, axis);
  if (!(indices.shape == updates.shape)) node_error(node, "its updates and indices differ in shape");
  const Combine how = combination(node);
  std::memcpy(outputs[0].data, data.data, data.bytes());
  const std::int64_t step = step_along(data.shape, axis);
  with_update_type(data.type, how, [&]<typename T>(T) {
    T* target = outputs[0].as<T>().data();
    for_each_element<1>(indices.shape, {strides_beside(data.shape, axis)}, [&](std::int64_t i, const auto& at) {
      T& element = target[at[0] + step * place_of(node, integer_at(indices, i), data.shape[axis], axis)];
      element = combined(how, element, updates.as<T>()[static_cast<std::size_t>(i)]);
    });
  });
}

// ---- GatherND, ScatterND: the last axis of the indices holds coordinates ----

std::size_t coordinates_of(const Graph& graph, const Node& node, std::size_t batch_dims) {
  const SymbolicShape& data = input_value(graph, node, 0).shape;
  const SymbolicShape& indices = input_value(graph, node, 1).shape;
  if (data.rank() == 0 || indices.rank() == 0) node_error(node, "its data or indices are a scalar");
  const Dim& count = indices.dims.back();
  if (!count.known()) node_error(node, "the number of its coordinates is not known", "export static index shapes");
  if (count.value() < 1 ||
      count.value() + static_cast<std::int64_t>(batch_dims) > static_cast<std::int64_t>(data.rank()))
    node_error(node, to_string(count) + " coordinates do not fit data of rank " + std::to_string(data.rank()));
  return static_cast<std::size_t>(count.value());
}

std::size_t batch_dims_of(const Node& node, std::size_t rank) {
  const auto dims = node.attribute_or<std::int64_t>("batch_dims", 0);
  if (dims < 0 || dims >= static_cast<std::int64_t>(rank)) node_error(node, "attribute batch_dims is out of range");
  return static_cast<std::size_t>(dims);
}

void infer_gather_nd(Graph& graph, const Node& node) {
  const Value& data = input_value(graph, node, 0);
  expect_type(graph, node, 1, {DataType::i64, DataType::s32});
  const SymbolicShape& indices = input_value(graph, node, 1).shape;
  const std::size_t batch = batch_dims_of(node, std::min(data.shape.rank(), indices.rank()));
  const std::size_t coordinates = coordinates_of(graph, node, batch);
  for (std::size_t i = 0; i < batch; ++i)
    expect_extent(node, "extent " + std::to_string(i) + " of the indices", indices.dims[i], data.shape.dims[i]);
  std::vector<Dim> dims(indices.dims.begin(), indices.dims.end() - 1);
  const auto first = data.shape.dims.begin() + static_cast<std::ptrdiff_t>(batch + coordinates);
  dims.insert(dims.end(), first, data.shape.dims.end());
  const DataType type = data.type;
  set_output(graph, node, 0, type, SymbolicShape(std::move(dims)));
}

/// Which slice of the data a row of coordinates names, counted in slices.
std::int64_t slice_at(const Node& node, const TensorView& indices, std::int64_t row, const Shape& data,
                      std::size_t first_axis, std::int64_t coordinates) {
  std::int64_t slice = 0;
  for (std::int64_t c = 0; c < coordinates; ++c) {
    const std::size_t axis = first_axis + static_cast<std::size_t>(c);
    slice = slice * data[axis] + place_of(node, integer_at(indices, row * coordinates + c), data[axis], axis);
  }
  return slice;
}

void evaluate_gather_nd(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView &data = inputs[0], &indices = inputs[1];
  const std::size_t batch = batch_dims_of(node, std::min(data.shape.rank(), indices.shape.rank()));
  const std::int64_t coordinates = indices.shape.back();
  const std::size_t inner = batch + static_cast<std::size_t>(coordinates);
  const auto slice_bytes = static_cast<std::size_t>(data.shape.product(inner, data.shape.rank())) * size_of(data.type);
  const std::int64_t slices_of_batch = data.shape.product(batch, inner);
  const std::int64_t rows = indices.shape.product(0, indices.shape.rank() - 1);
  const std::int64_t rows_of_batch =
      std::max<std::int64_t>(1, rows / std::max<std::int64_t>(1, data.shape.product(0, batch)));
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t slice =
        row / rows_of_batch * slices_of_batch + slice_at(node, indices, row, data.shape, batch, coordinates);
    std::memcpy(outputs[0].data + static_cast<std::size_t>(row) * slice_bytes,
                data.data + static_cast<std::size_t>(slice) * slice_bytes, slice_bytes);
  }
}

void infer_scatter_nd(Graph& graph, const Node& node) {
  coordinates_of(graph, node, 0);
  infer_scatter(graph, node);
}

void evaluate_scatter_nd(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView &data = inputs[0], &indices = inputs[1], &updates = inputs[2];
  const std::int64_t coordinates = indices.shape.back();
  const std::int64_t slice = data.shape.product(static_cast<std::size_t>(coordinates), data.shape.rank());
  const std::int64_t rows = indices.shape.product(0, indices.shape.rank() - 1);
  if (updates.shape.elements() != rows * slice) node_error(node, "its updates do not fit its indices");
  const Combine how = combination(node);
  std::memcpy(outputs[0].data, data.data, data.bytes());
  with_update_type(data.type, how, [&]<typename T>(T) {
    for (std::int64_t row = 0; row < rows; ++row) {
      T* target = outputs[0].as<T>().data() + slice_at(node, indices, row, data.shape, 0, coordinates) * slice;
      const T* update = updates.as<T>().data() + row * slice;
      for (std::int64_t i = 0; i < slice; ++i) target[i] = combined(how, target[i], update[i]);
    }
  });
}

}  // namespace

std::vector<OpSchema> gather_scatter_ops() {
  using enum AttributeKind;
  constexpr auto movement = OpKind::movement;
  return {
      {"GatherElements",
       2,
       2,
       1,
       {{"axis", integer}},
       infer_gather_elements,
       evaluate_gather_elements,
       ItemRule::mixes,
       movement,
       Codes::passes,
       11},
      {"GatherND",
       2,
       2,
       1,
       {{"batch_dims", integer}},
       infer_gather_nd,
       evaluate_gather_nd,
       ItemRule::mixes,
       movement,
       Codes::passes,
       11},
      {"ScatterElements",
       3,
       3,
       1,
       {{"axis", integer}, {"reduction", string}},
       infer_scatter_elements,
       evaluate_scatter_elements,
       ItemRule::mixes,
       movement,
       Codes::passes,
       11},
      {"ScatterND",
       3,
       3,
       1,
       {{"reduction", string}},
       infer_scatter_nd,
       evaluate_scatter_nd,
       ItemRule::mixes,
       movement,
       Codes::passes,
       11},
  };
}

}  // namespace tessera
