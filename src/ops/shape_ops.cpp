// Ops that describe shapes or make tensors from them: Shape, Size, ConstantOfShape, Range.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "ops/families.hpp"
#include "ops/helpers.hpp"

namespace tessera {

namespace {

// ---- Shape: the extents of the input from `start` to `end`, clamped to its rank ----

std::pair<std::size_t, std::size_t> described_axes(const Node& node, std::size_t rank) {
  const auto limit = static_cast<std::int64_t>(rank);
  const auto clamped = [&](std::int64_t axis) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(axis < 0 ? axis + limit : axis, 0, limit));
  };
  const std::size_t first = clamped(node.attribute_or<std::int64_t>("start", 0));
  const std::size_t last = clamped(node.attribute_or<std::int64_t>("end", limit));
  return {first, std::max(first, last)};
}

void infer_shape(Graph& graph, const Node& node) {
  const std::vector<Dim> dims = input_value(graph, node, 0).shape.dims;
  const auto [first, last] = described_axes(node, dims.size());
  set_output(graph, node, 0, DataType::i64, SymbolicShape({static_cast<std::int64_t>(last - first)}));
  set_extents(graph, node,
              {dims.begin() + static_cast<std::ptrdiff_t>(first), dims.begin() + static_cast<std::ptrdiff_t>(last)});
}

void evaluate_shape(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const auto [first, last] = described_axes(node, inputs[0].shape.rank());
  const auto extents = outputs[0].as<std::int64_t>();
  for (std::size_t axis = first; axis < last; ++axis) extents[axis - first] = inputs[0].shape[axis];
}

// ---- Size: the number of elements ----

void infer_size(Graph& graph, const Node& node) {
  Dim elements = 1;
  for (const Dim& dim : input_value(graph, node, 0).shape.dims) elements = elements * dim;
  set_output(graph, node, 0, DataType::i64, SymbolicShape(std::vector<Dim>{}));
  set_extents(graph, node, {elements});
}

void evaluate_size(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  outputs[0].as<std::int64_t>()[0] = inputs[0].shape.elements();
}

// ---- ConstantOfShape: one value over and over ----

/// The attribute `value`, or null, which stands for 0.0f.
const Tensor* fill_value(const Node& node) {
  const Tensor* value = node.find_attribute<Tensor>("value");
  if (value != nullptr && value->shape().elements() != 1) node_error(node, "attribute value does not hold one element");
  return value;
}

void infer_constant_of_shape(Graph& graph, const Node& node) {
  const Tensor* value = fill_value(node);
  const Dim rank = [&]() -> Dim {
    const SymbolicShape& shape = input_value(graph, node, 0).shape;
    if (shape.rank() != 1) node_error(node, "its input is not a vector of extents");
    return shape.dims[0];
  }();
  SymbolicShape shape;
  if (auto extents = extents_of(graph, node.input(0)))
    shape = SymbolicShape(std::move(*extents));
  else if (rank.known() && rank.value() <= static_cast<std::int64_t>(Shape::max_rank))
    shape = SymbolicShape(std::vector<Dim>(static_cast<std::size_t>(rank.value())));
  set_output(graph, node, 0, value == nullptr ? DataType::f32 : value->type(), shape);

  // A vector of equal integers is often one operand of shape arithmetic.
  if (value == nullptr || !shape.concrete() || shape.rank() > 1) return;
  const std::int64_t length = shape.to_shape().elements();
  const auto element = extents_of(value->reshaped(Shape{1}));
  if (element && length <= static_cast<std::int64_t>(Shape::max_rank))
    set_extents(graph, node, std::vector<Dim>(static_cast<std::size_t>(length), element->front()));
}

void evaluate_constant_of_shape(const Node& node, std::span<const TensorView>, std::span<const TensorView> outputs) {
  const TensorView& output = outputs[0];
  const Tensor* value = fill_value(node);
  if (value == nullptr) {
    std::fill_n(output.as<float>().data(), output.shape.elements(), 0.0F);
    return;
  }
  const std::size_t width = size_of(output.type);
  for (std::size_t at = 0; at < output.bytes(); at += width) std::memcpy(output.data + at, value->data(), width);
}

// ---- Range: start, start + delta, ... below limit ----

/// How many steps of `delta` fit between start and limit.
template <typename T>
std::int64_t step_count(const Node& node, T start, T limit, T delta) {
  if (delta == T{0}) node_error(node, "its delta is 0");
  const double count =
      std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
  // Beyond any memory; also where NaN ends up.
  if (!(count < 0x1p48)) node_error(node, "its length is out of range");
  return count > 0 ? static_cast<std::int64_t>(count) : 0;
}

Dim float_range_length(const Graph& graph, const Node& node) {
  float bounds[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const Value& value = input_value(graph, node, i);
    if (!value.is_constant() || value.constant.shape().elements() != 1) return {};
    bounds[i] = value.constant.as<float>()[0];
  }
  return step_count(node, bounds[0], bounds[1], bounds[2]);
}

void infer_integer_range(Graph& graph, const Node& node, DataType type) {
  const auto start = extents_of(graph, node.input(0));
  const auto limit = extents_of(graph, node.input(1));
  const auto delta = extents_of(graph, node.input(2));
  const auto one = [](const std::optional<std::vector<Dim>>& extents) { return extents && extents->size() == 1; };
  Dim length;
  std::vector<Dim> elements;
  if (one(start) && one(limit) && one(delta)) {
    const Dim &from = start->front(), &to = limit->front(), &step = delta->front();
    if (from.known() && to.known() && step.known())
      length = step_count(node, from.value(), to.value(), step.value());
    else if (step.known() && step.value() > 0)
      length = (to - from + step - 1) / step;
    if (length.known() && length.value() <= static_cast<std::int64_t>(Shape::max_rank))
      for (std::int64_t i = 0; i < length.value(); ++i) elements.push_back(from + step * i);
  }
  const bool complete = length.known() && static_cast<std::int64_t>(elements.size()) == length.value();
  set_output(graph, node, 0, type, SymbolicShape({length}));
  if (complete) set_extents(graph, node, std::move(elements));
}

void infer_range(Graph& graph, const Node& node) {
  const DataType type = input_value(graph, node, 0).type;
  for (std::size_t i = 0; i < 3; ++i)
    if (input_value(graph, node, i).type != type) node_error(node, "its inputs differ in type");
  switch (type) {
    case DataType::f32: return set_output(graph, node, 0, type, SymbolicShape({float_range_length(graph, node)}));
    case DataType::s32:
    case DataType::i64: return infer_integer_range(graph, node, type);
    default: node_error(node, std::string(name_of(type)) + " is not supported", "use f32, s32 or i64");
  }
}

template <typename T>
void fill_range(T start, T delta, std::span<T> elements) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if constexpr (std::is_integral_v<T>)  // unsigned: an intermediate may leave the range that the result is in
      elements[i] = static_cast<T>(static_cast<std::uint64_t>(start) + i * static_cast<std::uint64_t>(delta));
    else
      elements[i] = start + static_cast<T>(i) * delta;
  }
}

void evaluate_range(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  switch (outputs[0].type) {
    case DataType::f32: return fill_range(inputs[0].as<float>()[0], inputs[2].as<float>()[0], outputs[0].as<float>());
    case DataType::s32:
      return fill_range(inputs[0].as<std::int32_t>()[0], inputs[2].as<std::int32_t>()[0],
                        outputs[0].as<std::int32_t>());
    default:
      return fill_range(inputs[0].as<std::int64_t>()[0], inputs[2].as<std::int64_t>()[0],
                        outputs[0].as<std::int64_t>());
  }
}

}  // namespace

std::vector<OpSchema> shape_ops() {
  return {
      {"Shape",
       1,
       1,
       1,
       {{"start", AttributeKind::integer}, {"end", AttributeKind::integer}},
       infer_shape,
       evaluate_shape,
       ItemRule::mixes,
       OpKind::other,
       Codes::numbers,
       1},
      {"Size", 1, 1, 1, {}, infer_size, evaluate_size, ItemRule::mixes, OpKind::other, Codes::numbers, 1},
      {"ConstantOfShape",
       1,
       1,
       1,
       {{"value", AttributeKind::tensor}},
       infer_constant_of_shape,
       evaluate_constant_of_shape,
       ItemRule::constant_of_shape,
       OpKind::other,
       Codes::numbers,
       9},
      {"Range", 3, 3, 1, {}, infer_range, evaluate_range, ItemRule::mixes, OpKind::other, Codes::numbers, 11},
  };
}

}  // namespace tessera
