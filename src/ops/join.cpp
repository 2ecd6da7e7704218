// Ops that join and divide tensors: Concat, Split.
#include <algorithm>
#include <cstring>
#include <utility>

#include "ops/families.hpp"
#include "ops/helpers.hpp"
#include "ops/strided_copy.hpp"

namespace tessera {

namespace {

/// Bytes of everything behind one step along the axis before `axis`.
std::size_t row_bytes(const TensorView& tensor, std::size_t axis) {
  return static_cast<std::size_t>(tensor.shape.product(axis, tensor.shape.rank())) * size_of(tensor.type);
}

std::size_t axis_of(const Node& node, std::size_t rank, std::int64_t fallback) {
  return normalised_axis(node, node.attribute_or<std::int64_t>("axis", fallback), rank);
}

// ---- Concat ----

/// The extent two joined tensors share along an axis they are not joined on.
Dim shared_extent(const Node& node, std::size_t axis, const Dim& a, const Dim& b) {
  if (a.known() && b.known() && !(a == b))
    node_error(node, "its inputs have extents " + to_string(a) + " and " + to_string(b) + " along axis " +
                         std::to_string(axis));
  return b.known() || (b.symbolic() && !a.known() && !a.symbolic()) ? b : a;
}

void concat_extents(Graph& graph, const Node& node) {
  std::vector<Dim> joined;
  for (const ValueId id : node.inputs) {
    const Value& part = graph.value(id);
    if (part.type != DataType::i64 && part.type != DataType::s32) return;
    const auto extents = extents_of(graph, id);
    const Dim& length = part.shape.dims[0];
    if (!extents && !(length.known() && length.value() <= static_cast<std::int64_t>(Shape::max_rank))) return;
    // A part computed from data still leaves the other extents in their places.
    const auto known = extents ? *extents : std::vector<Dim>(static_cast<std::size_t>(length.value()));
    joined.insert(joined.end(), known.begin(), known.end());
  }
  set_extents(graph, node, std::move(joined));
}

void infer_concat(Graph& graph, const Node& node) {
  if (node.find_attribute<std::int64_t>("axis") == nullptr) node_error(node, "attribute axis is missing");
  const DataType type = input_value(graph, node, 0).type;
  std::vector<Dim> dims = input_value(graph, node, 0).shape.dims;
  const std::size_t joined = axis_of(node, dims.size(), 0);
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const Value& part = input_value(graph, node, i);
    if (part.type != type)
      node_error(node, "its inputs are " + std::string(name_of(type)) + " and " + std::string(name_of(part.type)));
    if (part.shape.rank() != dims.size()) node_error(node, "its inputs differ in rank");
    for (std::size_t axis = 0; axis < dims.size(); ++axis)
      dims[axis] = axis == joined ? dims[axis] + part.shape.dims[axis]
                                  : shared_extent(node, axis, dims[axis], part.shape.dims[axis]);
  }
  const bool vector = dims.size() == 1;
  set_output(graph, node, 0, type, SymbolicShape(std::move(dims)));
  if (vector) concat_extents(graph, node);
}

void evaluate_concat(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView& output = outputs[0];
  const std::size_t axis = axis_of(node, output.shape.rank(), 0);
  const std::int64_t outer = output.shape.product(0, axis);
  std::byte* target = output.data;
  for (std::int64_t block = 0; block < outer; ++block) {
    for (const TensorView& part : inputs) {
      const std::size_t row = row_bytes(part, axis);
      std::memcpy(target, part.data + static_cast<std::size_t>(block) * row, row);
      target += row;
    }
  }
}

// ---- Split: sizes from an attribute (up to opset 12), an input (from 13), or equal parts ----

std::vector<Dim> equal_parts(const Node& node, const Dim& whole) {
  const auto count = static_cast<std::int64_t>(node.outputs.size());
  const std::int64_t wanted = node.attribute_or<std::int64_t>("num_outputs", count);
  if (wanted != count) node_error(node, "attribute num_outputs is not the number of its outputs");
  if (!whole.known()) return std::vector<Dim>(node.outputs.size(), whole / count);
  // With num_outputs the last part may be smaller.
  const std::int64_t size = (whole.value() + count - 1) / count;
  const std::int64_t rest = whole.value() - size * (count - 1);
  if (rest < 0 || (rest != size && node.find_attribute<std::int64_t>("num_outputs") == nullptr))
    node_error(node, to_string(whole) + " does not divide into " + std::to_string(count) + " parts");
  std::vector<Dim> parts(node.outputs.size(), size);
  parts.back() = rest;
  return parts;
}

std::vector<Dim> part_sizes(const Graph& graph, const Node& node, const Dim& whole) {
  std::vector<Dim> parts;
  if (const auto* listed = node.find_attribute<std::vector<std::int64_t>>("split")) {
    parts.assign(listed->begin(), listed->end());
  } else if (node.has_input(1)) {
    const auto sizes = extents_of(graph, node.input(1));
    if (!sizes) return std::vector<Dim>(node.outputs.size());
    parts = *sizes;
  } else {
    return equal_parts(node, whole);
  }
  if (parts.size() != node.outputs.size())
    node_error(node, std::to_string(parts.size()) + " sizes for " + std::to_string(node.outputs.size()) + " outputs");
  Dim sum = 0;
  for (const Dim& part : parts) {
    if (part.known() && part.value() < 0) node_error(node, "size " + to_string(part) + " is negative");
    sum = sum + part;
  }
  if (sum.known() && whole.known() && !(sum == whole))
    node_error(node, "its sizes add up to " + to_string(sum) + ", the axis has " + to_string(whole));
  return parts;
}

void split_extents(Graph& graph, const Node& node, const std::vector<Dim>& parts) {
  const auto whole = extents_of(graph, node.input(0));
  if (!whole) return;
  std::size_t at = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].known() || at + static_cast<std::size_t>(parts[i].value()) > whole->size()) return;
    const std::size_t end = at + static_cast<std::size_t>(parts[i].value());
    if (node.outputs[i] != no_value)
      graph.value(node.outputs[i])
          .extents.emplace(whole->begin() + static_cast<std::ptrdiff_t>(at),
                           whole->begin() + static_cast<std::ptrdiff_t>(end));
    at = end;
  }
}

void infer_split(Graph& graph, const Node& node) {
  const Value& input = input_value(graph, node, 0);
  const DataType type = input.type;
  std::vector<Dim> dims = input.shape.dims;
  const std::size_t axis = axis_of(node, dims.size(), 0);
  if (node.outputs.empty()) node_error(node, "it has no outputs");
  if (std::find(node.outputs.begin(), node.outputs.end(), no_value) != node.outputs.end())
    node_error(node, "one of its outputs is omitted");
  const std::vector<Dim> parts = part_sizes(graph, node, dims[axis]);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    dims[axis] = parts[i];
    set_output(graph, node, i, type, SymbolicShape(dims));
  }
  if (dims.size() == 1) split_extents(graph, node, parts);
}

void evaluate_split(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView& input = inputs[0];
  const std::size_t axis = axis_of(node, input.shape.rank(), 0);
  const std::int64_t outer = input.shape.product(0, axis);
  const std::byte* source = input.data;
  for (std::int64_t block = 0; block < outer; ++block) {
    for (const TensorView& part : outputs) {
      const std::size_t row = row_bytes(part, axis);
      std::memcpy(part.data + static_cast<std::size_t>(block) * row, source, row);
      source += row;
    }
  }
}

}  // namespace

StridedCopy split_copy(const Node& node, std::span<const Shape> parts, std::size_t index, const Strides& from) {
  StridedCopy copy{parts[index], from, 0};
  const std::size_t axis = axis_of(node, copy.shape.rank(), 0);
  for (std::size_t i = 0; i < index; ++i) copy.base += parts[i][axis] * from[axis];
  return copy;
}

std::vector<OpSchema> join_ops() {
  using enum AttributeKind;
  return {
      {"Concat",
       1,
       -1,
       1,
       {{"axis", integer}},
       infer_concat,
       evaluate_concat,
       ItemRule::concat,
       OpKind::movement,
       Codes::passes,
       1},
      {"Split",
       1,
       2,
       -1,
       {{"axis", integer}, {"split", integers}, {"num_outputs", integer}},
       infer_split,
       evaluate_split,
       ItemRule::mixes,
       OpKind::movement,
       Codes::passes,
       1},
  };
}

}  // namespace tessera
