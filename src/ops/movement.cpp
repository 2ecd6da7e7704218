// Ops that keep every element and change only its place: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Identity,
// Dropout.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "ops/families.hpp"
#include "ops/helpers.hpp"
#include "ops/strided_copy.hpp"

namespace tessera {

namespace {

Dim product(const std::vector<Dim>& dims, std::size_t first, std::size_t last) {
  Dim elements = 1;
  for (std::size_t i = first; i < last; ++i) elements = elements * dims[i];
  return elements;
}

/// The evaluation of every op that leaves the elements in order.
void copy_elements(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  std::memcpy(outputs[0].data, inputs[0].data, outputs[0].bytes());
}

// ---- Reshape ----

/// The wanted extents with 0 replaced by the input's extent at the same place; the place of -1, if any, is left to the
/// caller.
std::vector<Dim> copy_zeros(const Node& node, std::vector<Dim> wanted, const std::vector<Dim>& from) {
  if (node.attribute_or<std::int64_t>("allowzero", 0) != 0) return wanted;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!(wanted[i] == Dim(0))) continue;
    if (i >= from.size()) node_error(node, "extent " + std::to_string(i) + " of 0 has no input extent to copy");
    wanted[i] = from[i];
  }
  return wanted;
}

void resolve_remainder(const Node& node, std::vector<Dim>& dims, const SymbolicShape& from) {
  const auto remainder = std::find(dims.begin(), dims.end(), Dim(-1));
  if (remainder == dims.end()) return;
  *remainder = 1;
  if (std::find(dims.begin(), dims.end(), Dim(-1)) != dims.end()) node_error(node, "more than one extent is -1");
  const Dim others = product(dims, 0, dims.size());
  const Dim elements = product(from.dims, 0, from.rank());
  if (others == Dim(0)) node_error(node, "-1 cannot be told from an extent of 0");
  if (elements.known() && others.known() && elements.value() % others.value() != 0)
    node_error(node, to_string(from) + " does not divide into groups of " + to_string(others) + " elements");
  *remainder = elements / others;
}

void infer_reshape(Graph& graph, const Node& node) {
  const Value& input = input_value(graph, node, 0);
  const SymbolicShape from = input.shape;
  const DataType type = input.type;
  const Value& shape_input = input_value(graph, node, 1);
  if (shape_input.shape.rank() != 1) node_error(node, "its shape input is not a vector");
  const auto wanted = extents_of(graph, node.input(1));
  if (!wanted) {
    // The extents depend on data; only their number may be known.
    const Dim rank = shape_input.shape.dims[0];
    const bool known = rank.known() && rank.value() <= static_cast<std::int64_t>(Shape::max_rank);
    return set_output(
        graph, node, 0, type,
        known ? SymbolicShape(std::vector<Dim>(static_cast<std::size_t>(rank.value()))) : SymbolicShape());
  }
  std::vector<Dim> dims = copy_zeros(node, *wanted, from.dims);
  resolve_remainder(node, dims, from);
  const Dim elements = product(from.dims, 0, from.rank());
  const Dim reshaped = product(dims, 0, dims.size());
  if (elements.known() && reshaped.known() && !(elements == reshaped))
    node_error(node, to_string(from) + " does not have as many elements as " + to_string(SymbolicShape(dims)));
  set_output(graph, node, 0, type, SymbolicShape(std::move(dims)));
  pass_extents(graph, node);
}

// ---- Flatten ----

void infer_flatten(Graph& graph, const Node& node) {
  const Value& input = input_value(graph, node, 0);
  const std::vector<Dim> dims = input.shape.dims;
  const auto rank = static_cast<std::int64_t>(dims.size());
  const std::int64_t axis = node.attribute_or<std::int64_t>("axis", 1);
  // Unlike other axes this one may equal the rank: everything goes to the first extent.
  const std::size_t cut = axis == rank ? dims.size() : normalised_axis(node, axis, dims.size());
  set_output(graph, node, 0, input.type, SymbolicShape({product(dims, 0, cut), product(dims, cut, dims.size())}));
}

// ---- Squeeze, Unsqueeze: axes are an attribute up to opset 12 and an input from 13 ----

/// Nothing where the node names no axes; node_error where they are computed at run time.
std::optional<std::vector<std::int64_t>> axes_of(const Graph& graph, const Node& node) {
  if (const auto* axes = node.find_attribute<std::vector<std::int64_t>>("axes")) return *axes;
  if (!node.has_input(1)) return std::nullopt;
  auto axes = integers_of(graph, node.input(1));
  if (!axes) node_error(node, "its axes are computed at run time", "export the model with constant axes");
  return axes;
}

/// One flag per axis of a tensor of that rank; node_error when an axis is named twice.
std::vector<bool> flags(const Node& node, const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<bool> named(rank, false);
  for (const std::int64_t axis : axes) {
    const std::size_t place = normalised_axis(node, axis, rank);
    if (named[place]) node_error(node, "axis " + std::to_string(axis) + " is named twice");
    named[place] = true;
  }
  return named;
}

void infer_squeeze(Graph& graph, const Node& node) {
  const Value& input = input_value(graph, node, 0);
  const SymbolicShape shape = input.shape;
  const DataType type = input.type;
  const auto axes = axes_of(graph, node);
  // Without axes every extent of 1 goes: with symbols in the shape, not even the rank is known yet.
  if (!axes && !shape.concrete()) return set_output(graph, node, 0, type, {});
  const std::vector<bool> named = axes ? flags(node, *axes, shape.rank()) : std::vector<bool>{};
  std::vector<Dim> kept;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    const Dim& dim = shape.dims[i];
    const bool dropped = axes ? named[i] : dim == Dim(1);
    if (!dropped)
      kept.push_back(dim);
    else if (dim.known() && dim.value() != 1)
      node_error(node, "axis " + std::to_string(i) + " of " + to_string(shape) + " is not 1");
  }
  set_output(graph, node, 0, type, SymbolicShape(std::move(kept)));
  pass_extents(graph, node);
}

void infer_unsqueeze(Graph& graph, const Node& node) {
  const Value& input = input_value(graph, node, 0);
  const std::vector<Dim> dims = input.shape.dims;
  const DataType type = input.type;
  const auto axes = axes_of(graph, node);
  if (!axes) node_error(node, "it names no axes");
  const std::vector<bool> added = flags(node, *axes, dims.size() + axes->size());
  std::vector<Dim> unsqueezed;
  unsqueezed.reserve(added.size());
  std::size_t next = 0;
  for (const bool here : added) unsqueezed.push_back(here ? Dim(1) : dims[next++]);
  set_output(graph, node, 0, type, SymbolicShape(std::move(unsqueezed)));
  pass_extents(graph, node);
}

// ---- Transpose ----

/// Output axis i is input axis result[i]; the default turns the axes around.
std::array<std::size_t, Shape::max_rank> permutation(const Node& node, std::size_t rank) {
  std::array<std::size_t, Shape::max_rank> axes{};
  const auto* perm = node.find_attribute<std::vector<std::int64_t>>("perm");
  if (perm != nullptr && perm->size() != rank)
    node_error(node, "attribute perm lists " + std::to_string(perm->size()) + " axes of a tensor of rank " +
                         std::to_string(rank));
  std::array<bool, Shape::max_rank> seen{};
  for (std::size_t i = 0; i < rank; ++i) {
    axes[i] = perm == nullptr ? rank - 1 - i : normalised_axis(node, (*perm)[i], rank);
    if (seen[axes[i]]) node_error(node, "attribute perm names axis " + std::to_string(axes[i]) + " twice");
    seen[axes[i]] = true;
  }
  return axes;
}

void infer_transpose(Graph& graph, const Node& node) {
  const Value& input = input_value(graph, node, 0);
  const auto axes = permutation(node, input.shape.rank());
  std::vector<Dim> dims;
  for (std::size_t i = 0; i < input.shape.rank(); ++i) dims.push_back(input.shape.dims[axes[i]]);
  set_output(graph, node, 0, input.type, SymbolicShape(std::move(dims)));
  pass_extents(graph, node);
}

// ---- Identity, Dropout ----

void infer_identity(Graph& graph, const Node& node) {
  const Value& input = input_value(graph, node, 0);
  set_output(graph, node, 0, input.type, SymbolicShape(input.shape));
  pass_extents(graph, node);
}

void infer_dropout(Graph& graph, const Node& node) {
  if (node.has_input(2)) {
    const auto training = integers_of(graph, node.input(2));
    if (!training || training->size() != 1 || training->front() != 0)
      node_error(node, "training_mode is not the constant false", "export the model in inference mode");
  }
  const SymbolicShape shape = input_value(graph, node, 0).shape;
  set_output(graph, node, 0, input_value(graph, node, 0).type, shape);
  set_output(graph, node, 1, DataType::boolean, shape);
}

/// Inference drops nothing: the mask, where asked for, is all true.
void evaluate_dropout(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  copy_elements(node, inputs, outputs);
  if (outputs.size() > 1 && outputs[1].data != nullptr) std::memset(outputs[1].data, 1, outputs[1].bytes());
}

}  // namespace

StridedCopy transpose_copy(const Node& node, const Shape& y, const Strides& from) {
  const auto axes = permutation(node, y.rank());
  StridedCopy copy{y, {}, 0};
  for (std::size_t i = 0; i < y.rank(); ++i) copy.strides[i] = from[axes[i]];
  return copy;
}

std::vector<OpSchema> movement_ops() {
  using enum AttributeKind;
  return {
      {"Reshape",
       2,
       2,
       1,
       {{"allowzero", integer}},
       infer_reshape,
       copy_elements,
       ItemRule::reshape,
       OpKind::view,
       Codes::passes,
       1},
      {"Flatten",
       1,
       1,
       1,
       {{"axis", integer}},
       infer_flatten,
       copy_elements,
       ItemRule::first_input,
       OpKind::view,
       Codes::passes,
       1},
      {"Squeeze",
       1,
       2,
       1,
       {{"axes", integers}},
       infer_squeeze,
       copy_elements,
       ItemRule::first_input,
       OpKind::view,
       Codes::passes,
       1},
      {"Unsqueeze",
       1,
       2,
       1,
       {{"axes", integers}},
       infer_unsqueeze,
       copy_elements,
       ItemRule::first_input,
       OpKind::view,
       Codes::passes,
       1},
      {"Transpose",
       1,
       1,
       1,
       {{"perm", integers}},
       infer_transpose,
       evaluate_strided_copy,
       ItemRule::transpose,
       OpKind::movement,
       Codes::passes,
       1},
      {"Identity", 1, 1, 1, {}, infer_identity, copy_elements, ItemRule::first_input, OpKind::view, Codes::passes, 1},
      {"Dropout",
       1,
       3,
       2,
       {{"ratio", real}, {"seed", integer}},
       infer_dropout,
       evaluate_dropout,
       ItemRule::first_input,
       OpKind::view,
       Codes::numbers,
       1},
  };
}

}  // namespace tessera
