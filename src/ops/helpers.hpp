// What op definitions share: errors that name the node, shape inference by parts, and walking arrays without
// allocating.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "ops/op.hpp"

namespace tessera {

/// Error{invalid}: "node NAME (Op): why: remedy".
[[noreturn]] void node_error(const Node& node, std::string why,
                             std::string remedy = "re-export the model or change this node");

/// `axis` counted from the front; node_error unless it lies in [-rank, rank).
std::size_t normalised_axis(const Node& node, std::int64_t axis, std::size_t rank);

// ---- shape inference: infer functions are called with the shapes of all their inputs ranked ----

/// The value behind a required input; node_error when it is omitted.
const Value& input_value(const Graph& graph, const Node& node, std::size_t index);
/// Whether the extents that are known multiply to more than any memory holds; one of 0 does not excuse the others, with
/// which infer functions calculate.
bool is_absurd(const SymbolicShape& shape);
/// Sets type and shape of an output and forgets its extents; nothing where the node does not have that output.
/// node_error when no tensor can have that shape.
void set_output(Graph& graph, const Node& node, std::size_t index, DataType type, SymbolicShape shape);
/// Sets the extents of the first output (call after set_output).
void set_extents(Graph& graph, const Node& node, std::vector<Dim> extents);

/// The elements of a small i64, s32 or bool vector or scalar as extents.
std::optional<std::vector<Dim>> extents_of(const Tensor& tensor);
/// The same for a value: from Value::extents or a constant.
std::optional<std::vector<Dim>> extents_of(const Graph& graph, ValueId id);
/// The same where all elements are numbers, e.g. the axes input of Squeeze.
std::optional<std::vector<std::int64_t>> integers_of(const Graph& graph, ValueId id);
/// Shape arithmetic of a binary op: combine(a, b) on the extents of both inputs where both have them (a single one is
/// repeated).
void infer_binary_extents(Graph& graph, const Node& node, Dim (*combine)(const Dim& a, const Dim& b));

/// One extent of a broadcast: 1 gives way, a number above 1 wins over a symbol, two different symbols are unknown until
/// bound. node_error when two numbers clash.
Dim broadcast_dim(const Node& node, const Dim& a, const Dim& b);
/// NumPy broadcasting of whole shapes.
SymbolicShape broadcast_shape(const Node& node, const SymbolicShape& a, const SymbolicShape& b);

/// Carries extents through an op that keeps the elements in order, if its output is still a vector or scalar.
void pass_extents(Graph& graph, const Node& node);

// ---- evaluation ----

/// Whether an optional input is there.
inline bool given(std::span<const TensorView> inputs, std::size_t index) noexcept {
  return index < inputs.size() && inputs[index].data != nullptr;
}

/// Element i of an i64 or s32 tensor: axes, indices, shapes.
std::int64_t integer_at(const TensorView& tensor, std::int64_t i) noexcept;

using Strides = std::array<std::int64_t, Shape::max_rank>;

/// Elements between neighbours along each axis of a dense row-major array.
Strides dense_strides(const Shape& shape) noexcept;
/// Strides that read an operand of shape `operand` as if it had shape `target`: 0 along the axes it is repeated over.
Strides broadcast_strides(const Shape& operand, const Shape& target) noexcept;

/// Visits every element of `shape` in row-major order: body(index, offsets) with the element's position in a dense
/// array and its offset under each of the given strides.
template <std::size_t operands, typename Body>
void for_each_element(const Shape& shape, const std::array<Strides, operands>& strides, Body body) {
  if (shape.elements() == 0) return;
  std::array<std::int64_t, Shape::max_rank> position{};
  std::array<std::int64_t, operands> offset{};
  const std::size_t rank = shape.rank();
  for (std::int64_t index = 0;; ++index) {
    body(index, offset);
    std::size_t axis = rank;
    while (axis-- > 0) {
      for (std::size_t i = 0; i < operands; ++i) offset[i] += strides[i][axis];
      if (++position[axis] < shape[axis]) break;
      for (std::size_t i = 0; i < operands; ++i) offset[i] -= strides[i][axis] * shape[axis];
      position[axis] = 0;
    }
    if (axis == static_cast<std::size_t>(-1)) return;
  }
}

/// Calls body(T{}) with the C++ type that stores `type`.
template <typename Body>
void with_type(DataType type, Body body) {
  switch (type) {
    case DataType::f32: return body(float{});
    case DataType::bf16: return body(bfloat16{});
    case DataType::u8: return body(std::uint8_t{});
    case DataType::s8: return body(std::int8_t{});
    case DataType::s16: return body(std::int16_t{});
    case DataType::s32: return body(std::int32_t{});
    case DataType::i64: return body(std::int64_t{});
    case DataType::boolean: return body(bool{});
  }
}

/// Calls body(T{}) for the types that arithmetic is defined on; the op's infer has let nothing else through.
template <typename Body>
void with_number(DataType type, Body body) {
  switch (type) {
    case DataType::s32: return body(std::int32_t{});
    case DataType::i64: return body(std::int64_t{});
    default: return body(float{});
  }
}

/// Calls body(U{}) with an unsigned integer as wide as an element: enough for ops that only move elements.
template <typename Body>
void with_element_width(DataType type, Body body) {
  switch (size_of(type)) {
    case 1: return body(std::uint8_t{});
    case 2: return body(std::uint16_t{});
    case 4: return body(std::uint32_t{});
    default: return body(std::uint64_t{});
  }
}

}  // namespace tessera
