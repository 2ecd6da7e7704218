// Ops that pick or repeat elements: Gather, Slice, Expand, Where.
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "ops/families.hpp"
#include "ops/helpers.hpp"
#include "ops/placed_copy.hpp"
#include "ops/strided_copy.hpp"

namespace tessera {

namespace {

// ---- Gather: data[..., indices, ...] along one axis ----

void gather_extents(Graph& graph, const Node& node) {
  const auto data = extents_of(graph, node.input(0));
  const auto indices = integers_of(graph, node.input(1));
  if (!data || !indices || graph.value(node.input(0)).shape.rank() != 1) return;
  std::vector<Dim> picked;
  for (const std::int64_t index : *indices) picked.push_back((*data)[normalised_axis(node, index, data->size())]);
  if (graph.value(node.outputs[0]).shape.rank() <= 1) set_extents(graph, node, std::move(picked));
}

void infer_gather(Graph& graph, const Node& node) {
  const Value& data = input_value(graph, node, 0);
  const Value& indices = input_value(graph, node, 1);
  if (indices.type != DataType::i64 && indices.type != DataType::s32)
    node_error(node, "its indices are " + std::string(name_of(indices.type)) + ", not i64 or s32");
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", 0), data.shape.rank());
  std::vector<Dim> dims = data.shape.dims;
  const auto place = dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(place, indices.shape.dims.begin(), indices.shape.dims.end());
  set_output(graph, node, 0, data.type, SymbolicShape(std::move(dims)));
  gather_extents(graph, node);
}

void evaluate_gather(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView& data = inputs[0];
  const TensorView& indices = inputs[1];
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", 0), data.shape.rank());
  const std::int64_t extent = data.shape[axis];
  const std::int64_t count = indices.shape.elements();
  const auto outer = data.shape.product(0, axis);
  const auto row = static_cast<std::size_t>(data.shape.product(axis + 1, data.shape.rank())) * size_of(data.type);
  std::byte* target = outputs[0].data;
  for (std::int64_t block = 0; block < outer; ++block) {
    const std::byte* rows = data.data + static_cast<std::size_t>(block * extent) * row;
    for (std::int64_t i = 0; i < count; ++i, target += row) {
      const std::int64_t index = integer_at(indices, i);
      if (index < -extent || index >= extent)
        node_error(node,
                   "index " + std::to_string(index) + " is outside the " + std::to_string(extent) +
                       " entries of axis " + std::to_string(axis),
                   "check the values of the model's inputs");
      std::memcpy(target, rows + static_cast<std::size_t>(index < 0 ? index + extent : index) * row, row);
    }
  }
}

// ---- Slice: data[start:end:step] along some axes; lists are inputs, or attributes up to opset 9 ----

constexpr std::int64_t at_most = std::numeric_limits<std::int64_t>::max();

/// Where a slice of one axis begins and how many elements it takes.
struct Run {
  std::int64_t first = 0, step = 1, count = 0;
};

Run resolve(std::int64_t extent, std::int64_t start, std::int64_t end, std::int64_t step) {
  // Clamped first, so that exporters' "to the end" (the largest or lowest integer) cannot overflow.
  const auto place = [extent](std::int64_t index, std::int64_t low, std::int64_t high) {
    const std::int64_t bounded = std::clamp<std::int64_t>(index, -extent - 1, extent);
    return std::clamp(bounded < 0 ? bounded + extent : bounded, low, high);
  };
  if (extent == 0) return {0, step, 0};
  const bool forward = step > 0;
  const std::int64_t first = forward ? place(start, 0, extent) : place(start, 0, extent - 1);
  // Going backwards the end may be "before the first", which only an index below -extent says.
  const std::int64_t last = forward ? place(end, 0, extent) : place(end, -1, extent - 1);
  const std::int64_t distance = forward ? last - first : first - last;
  if (distance <= 0) return {first, step, 0};
  // A step as long as the axis takes one element; shortening it keeps the sums below in range.
  const std::int64_t stride = std::min(forward ? step : -std::max(step, -at_most), extent);
  return {first, forward ? stride : -stride, (distance + stride - 1) / stride};
}

/// The extent of a slice with symbols in it. A symbol stands for an extent, and a slice up to it is taken to lie inside
/// the data; where that matters is decided once numbers are bound. Unknown where the answer depends on the numbers.
Dim sliced_extent(const Dim& dim, const Dim& start, const Dim& end, std::int64_t step) {
  if (dim.known() && start.known() && end.known()) return resolve(dim.value(), start.value(), end.value(), step).count;
  if (step < 0) {
    const bool all = start == Dim(-1) && end.known() && end.value() < -std::numeric_limits<std::int32_t>::max();
    return all && step == -1 ? dim : Dim();
  }
  const auto from_front = [&](const Dim& index) {
    if (index.known() && index.value() < 0) return dim + index;
    if (index.known() && dim.known()) return Dim(std::min(index.value(), dim.value()));
    // Beyond any extent: to the end. Every extent reaches 1; whether a symbol reaches another number is open.
    if (index.known() && index.value() >= std::numeric_limits<std::int32_t>::max()) return dim;
    if (index.known() && index.value() > 1 && !dim.known()) return Dim();
    return index;
  };
  const Dim distance = from_front(end) - from_front(start);
  if (distance.known() && distance.value() < 0) return {};
  return step == 1 ? distance : (distance + step - 1) / step;
}

/// One of the lists (starts, ends, axes, steps) while shapes are inferred.
std::optional<std::vector<Dim>> slice_list(const Graph& graph, const Node& node, std::size_t input, const char* key) {
  if (const auto* listed = node.find_attribute<std::vector<std::int64_t>>(key))
    return std::vector<Dim>(listed->begin(), listed->end());
  return extents_of(graph, node.input(input));
}

std::int64_t slice_constant(const Node& node, const std::optional<std::vector<Dim>>& list, std::size_t i,
                            std::int64_t fallback, const char* key) {
  if (!list) return fallback;
  if (i >= list->size() || !(*list)[i].known())
    node_error(node, std::string(key) + " are not as many constants as starts");
  return (*list)[i].value();
}

void slice_extents(Graph& graph, const Node& node, const Dim& start, const Dim& end, std::int64_t step) {
  const auto data = extents_of(graph, node.input(0));
  if (!data || !start.known() || !end.known()) return;
  const Run run = resolve(static_cast<std::int64_t>(data->size()), start.value(), end.value(), step);
  std::vector<Dim> picked;
  for (std::int64_t i = 0; i < run.count; ++i)
    picked.push_back((*data)[static_cast<std::size_t>(run.first + i * run.step)]);
  set_extents(graph, node, std::move(picked));
}

void infer_slice(Graph& graph, const Node& node) {
  const Value& data = input_value(graph, node, 0);
  const DataType type = data.type;
  const std::vector<Dim> from = data.shape.dims;
  const auto starts = slice_list(graph, node, 1, "starts");
  const auto ends = slice_list(graph, node, 2, "ends");
  const auto axes = slice_list(graph, node, 3, "axes");
  const auto steps = slice_list(graph, node, 4, "steps");
  if (!starts || !ends || (node.has_input(3) && !axes) || (node.has_input(4) && !steps)) {
    if (node.inputs.size() < 3) node_error(node, "it has no starts or ends");
    // Computed from data: any axis may shrink.
    return set_output(graph, node, 0, type, SymbolicShape(std::vector<Dim>(from.size())));
  }
  if (starts->size() != ends->size()) node_error(node, "starts and ends differ in length");
  std::vector<Dim> dims = from;
  std::array<bool, Shape::max_rank> sliced{};
  std::int64_t step = 1;
  for (std::size_t i = 0; i < starts->size(); ++i) {
    const std::size_t axis =
        normalised_axis(node, slice_constant(node, axes, i, static_cast<std::int64_t>(i), "axes"), from.size());
    step = slice_constant(node, steps, i, 1, "steps");
    if (step == 0) node_error(node, "a step is 0");
    if (std::exchange(sliced[axis], true)) node_error(node, "axis " + std::to_string(axis) + " is sliced twice");
    dims[axis] = sliced_extent(from[axis], (*starts)[i], (*ends)[i], step);
  }
  set_output(graph, node, 0, type, SymbolicShape(std::move(dims)));
  if (from.size() == 1 && starts->size() == 1) slice_extents(graph, node, starts->front(), ends->front(), step);
}

/// One of the lists while evaluating: the attribute or the input, neither copied.
struct SliceList {
  const std::vector<std::int64_t>* attribute = nullptr;
  const TensorView* input = nullptr;

  SliceList(const Node& node, std::span<const TensorView> inputs, std::size_t index, const char* key)
      : attribute(node.find_attribute<std::vector<std::int64_t>>(key)),
        input(given(inputs, index) ? &inputs[index] : nullptr) {}

  [[nodiscard]] std::int64_t size() const {
    if (attribute != nullptr) return static_cast<std::int64_t>(attribute->size());
    return input != nullptr ? input->shape.elements() : 0;
  }
  [[nodiscard]] std::int64_t at(std::int64_t i, std::int64_t fallback) const {
    if (attribute != nullptr) return (*attribute)[static_cast<std::size_t>(i)];
    return input != nullptr ? integer_at(*input, i) : fallback;
  }
};

// ---- Expand: broadcast to a shape ----

void infer_expand(Graph& graph, const Node& node) {
  const Value& data = input_value(graph, node, 0);
  const DataType type = data.type;
  const SymbolicShape& shape_input = input_value(graph, node, 1).shape;
  if (shape_input.rank() != 1) node_error(node, "its shape input is not a vector");
  SymbolicShape wanted;
  if (auto extents = extents_of(graph, node.input(1)))
    wanted = SymbolicShape(std::move(*extents));
  else if (shape_input.dims[0].known() && shape_input.dims[0].value() <= static_cast<std::int64_t>(Shape::max_rank))
    wanted = SymbolicShape(std::vector<Dim>(static_cast<std::size_t>(shape_input.dims[0].value())));
  else
    return set_output(graph, node, 0, type, {});
  SymbolicShape expanded = broadcast_shape(node, data.shape, wanted);
  const bool one_repeated = expanded.rank() == 1 && expanded.concrete() &&
                            expanded.dims[0].value() <= static_cast<std::int64_t>(Shape::max_rank);
  const std::size_t count = one_repeated ? static_cast<std::size_t>(expanded.dims[0].value()) : 0;
  const auto extents = extents_of(graph, node.input(0));
  set_output(graph, node, 0, type, std::move(expanded));
  if (!extents || count == 0) return;
  set_extents(graph, node, extents->size() == count ? *extents : std::vector<Dim>(count, extents->front()));
}

// ---- Where: condition ? a : b ----

Dim chosen(const Dim& condition, const Dim& a, const Dim& b) {
  if (condition.known()) return condition.value() != 0 ? a : b;
  return a == b ? a : Dim();
}

void where_extents(Graph& graph, const Node& node) {
  const auto condition = extents_of(graph, node.input(0));
  const auto a = extents_of(graph, node.input(1));
  const auto b = extents_of(graph, node.input(2));
  if (!condition || !a || !b || condition->empty() || a->empty() || b->empty()) return;
  const std::size_t count = std::max({condition->size(), a->size(), b->size()});
  const auto at = [](const std::vector<Dim>& list, std::size_t i) { return list[list.size() == 1 ? 0 : i]; };
  std::vector<Dim> extents;
  for (std::size_t i = 0; i < count; ++i) extents.push_back(chosen(at(*condition, i), at(*a, i), at(*b, i)));
  set_extents(graph, node, std::move(extents));
}

void infer_where(Graph& graph, const Node& node) {
  const Value& condition = input_value(graph, node, 0);
  const Value& a = input_value(graph, node, 1);
  const Value& b = input_value(graph, node, 2);
  if (condition.type != DataType::boolean) node_error(node, "its condition is not bool");
  if (a.type != b.type)
    node_error(node, "its branches are " + std::string(name_of(a.type)) + " and " + std::string(name_of(b.type)));
  set_output(graph, node, 0, a.type, broadcast_shape(node, condition.shape, broadcast_shape(node, a.shape, b.shape)));
  where_extents(graph, node);
}

void evaluate_where(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView& output = outputs[0];
  const std::array<Strides, 3> strides{broadcast_strides(inputs[0].shape, output.shape),
                                       broadcast_strides(inputs[1].shape, output.shape),
                                       broadcast_strides(inputs[2].shape, output.shape)};
  const bool* condition = inputs[0].as<bool>().data();
  with_element_width(output.type, [&]<typename T>(T) {
    const T* a = inputs[1].as<T>().data();
    const T* b = inputs[2].as<T>().data();
    T* target = output.as<T>().data();
    for_each_element<3>(output.shape, strides,
                        [=](std::int64_t i, const auto& at) { target[i] = condition[at[0]] ? a[at[1]] : b[at[2]]; });
  });
}

}  // namespace

StridedCopy slice_copy(const Node& node, std::span<const TensorView> inputs, const Shape& y, const Strides& from) {
  const Shape& x = inputs[0].shape;
  const SliceList starts(node, inputs, 1, "starts"), ends(node, inputs, 2, "ends"), axes(node, inputs, 3, "axes"),
      steps(node, inputs, 4, "steps");
  StridedCopy copy{y, from, 0};
  for (std::int64_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = normalised_axis(node, axes.at(i, i), x.rank());
    const Run run = resolve(x[axis], starts.at(i, 0), ends.at(i, 0), steps.at(i, 1));
    if (run.count != y[axis])
      node_error(node, "axis " + std::to_string(axis) + " yields " + std::to_string(run.count) + " elements, not the " +
                           std::to_string(y[axis]) + " that were planned");
    copy.base += run.first * from[axis];
    copy.strides[axis] = run.step * from[axis];
  }
  return copy;
}

std::optional<StridedCopy> gather_copy(const Node& node, std::span<const TensorView> inputs, const Shape& y,
                                       const Strides& from) {
  const Shape &x = inputs[0].shape, &indices = inputs[1].shape;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", 0), x.rank());
  const std::int64_t count = indices.elements(), extent = x[axis];
  if (count == 0) return std::nullopt;
  const auto place = [&](std::int64_t i) {
    const std::int64_t index = integer_at(inputs[1], i);
    return index < 0 ? index + extent : index;
  };
  const std::int64_t first = place(0), step = count > 1 ? place(1) - first : 0;
  for (std::int64_t i = 0; i < count; ++i)
    if (place(i) != first + i * step || place(i) < 0 || place(i) >= extent) return std::nullopt;
  StridedCopy copy{y, {}, first * from[axis]};
  std::size_t to = 0;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (i != axis) {
      copy.strides[to++] = from[i];
      continue;
    }
    for (std::size_t j = 0; j < indices.rank(); ++j)
      copy.strides[to++] = step * from[axis] * indices.product(j + 1, indices.rank());
  }
  return copy;
}

std::optional<PlacedCopy> gather_places(const Node& node, std::span<const TensorView> inputs) {
  const Shape& x = inputs[0].shape;
  const std::size_t gathered = normalised_axis(node, node.attribute_or<std::int64_t>("axis", 0), x.rank());
  if (x.elements() == 0 || inputs[1].shape.elements() == 0) return std::nullopt;
  PlacedCopy copy;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    std::vector<std::int64_t>& places = copy.axes.emplace_back();
    const std::int64_t count = axis == gathered ? inputs[1].shape.elements() : x[axis];
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t place = axis == gathered ? integer_at(inputs[1], i) : i;
      if (place < 0) place += x[axis];
      if (place < 0 || place >= x[axis]) return std::nullopt;  // plain code says so
      places.push_back(place);
    }
  }
  return copy;
}

StridedCopy expand_copy(const Shape& x, const Shape& y, const Strides& from) {
  StridedCopy copy{y, {}, 0};
  const std::size_t added = y.rank() - x.rank();
  for (std::size_t i = 0; i < x.rank(); ++i) copy.strides[added + i] = x[i] == 1 ? 0 : from[i];
  return copy;
}

std::vector<OpSchema> select_ops() {
  using enum AttributeKind;
  return {
      {"Gather",
       2,
       2,
       1,
       {{"axis", integer}},
       infer_gather,
       evaluate_gather,
       ItemRule::gather,
       OpKind::movement,
       Codes::passes,
       1},
      {"Slice",
       1,
       5,
       1,
       {{"starts", integers}, {"ends", integers}, {"axes", integers}},
       infer_slice,
       evaluate_strided_copy,
       ItemRule::sliced_axes,
       OpKind::movement,
       Codes::passes,
       1},
      {"Expand",
       2,
       2,
       1,
       {},
       infer_expand,
       evaluate_strided_copy,
       ItemRule::expand,
       OpKind::movement,
       Codes::passes,
       8},
      {"Where", 3, 3, 1, {}, infer_where, evaluate_where, ItemRule::broadcast, OpKind::movement, Codes::passes, 9},
  };
}

}  // namespace tessera
