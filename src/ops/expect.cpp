#include "ops/expect.hpp"

#include <algorithm>

namespace tessera {
namespace {

std::string describe(const Graph& graph, const Node& node, std::size_t index) {
  return "input " + std::to_string(index) + " (" + graph.value(node.input(index)).name + ")";
}

std::string list_of(std::initializer_list<DataType> types) {
  std::string text;
  for (const DataType type : types) text += (text.empty() ? "" : ", ") + std::string(name_of(type));
  return text;
}

}  // namespace

std::string_view text_attribute(const Node& node, std::string_view key, std::string_view fallback) {
  const auto* held = node.find_attribute<std::string>(key);
  return held == nullptr ? fallback : std::string_view(*held);
}

void expect_attribute(const Node& node, std::string_view key, std::int64_t supported) {
  const auto held = node.attribute_or<std::int64_t>(key, supported);
  if (held != supported)
    node_error(node, "attribute " + std::string(key) + " is " + std::to_string(held) + "; only " +
                         std::to_string(supported) + " is supported");
}

void expect_type(const Graph& graph, const Node& node, std::size_t index, std::initializer_list<DataType> types) {
  if (!node.has_input(index)) return;
  const DataType type = graph.value(node.input(index)).type;
  if (std::find(types.begin(), types.end(), type) != types.end()) return;
  node_error(node,
             describe(graph, node, index) + " is " + std::string(name_of(type)) + "; supported: " + list_of(types),
             "insert a Cast in front of it");
}

void expect_types(const Graph& graph, const Node& node, std::initializer_list<DataType> types) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) expect_type(graph, node, i, types);
}

void expect_real(const Graph& graph, const Node& node, std::size_t index) {
  if (!node.has_input(index)) return;
  const Value& value = graph.value(node.input(index));
  const bool integers = value.type == DataType::u8 || value.type == DataType::s8;
  if (value.type == DataType::bf16 || (integers && value.quantization)) return;
  expect_type(graph, node, index, {DataType::f32});
}

DataType stored_type(const Graph& graph, const Node& node) {
  if (node.outputs.empty() || node.outputs[0] == no_value) return DataType::f32;
  const Value& output = graph.value(node.outputs[0]);
  return output.type == DataType::bf16 || output.quantization ? output.type : DataType::f32;
}

void expect_plain(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  for (const std::span<const TensorView> tensors : {inputs, outputs})
    for (const TensorView& tensor : tensors)
      if (tensor.data != nullptr && tensor.type != DataType::f32)
        node_error(node, "the reference evaluation is for f32, not " + std::string(name_of(tensor.type)),
                   "run the graph through a session");
}

void expect_same_type(const Graph& graph, const Node& node, std::size_t a, std::size_t b) {
  const DataType type_a = input_value(graph, node, a).type;
  const DataType type_b = input_value(graph, node, b).type;
  if (type_a == type_b) return;
  node_error(node,
             describe(graph, node, a) + " is " + std::string(name_of(type_a)) + " but " + describe(graph, node, b) +
                 " is " + std::string(name_of(type_b)),
             "insert a Cast so that both have one type");
}

void expect_extent(const Node& node, const std::string& what, const Dim& actual, const Dim& expected) {
  if (actual.known() && expected.known() && actual.value() != expected.value())
    node_error(node, what + " is " + to_string(actual) + " where " + to_string(expected) + " is needed");
}

void expect_shape(const Graph& graph, const Node& node, std::size_t index, const SymbolicShape& expected) {
  if (!node.has_input(index)) return;
  expect_rank(graph, node, index, expected.rank());
  const SymbolicShape& actual = graph.value(node.input(index)).shape;
  for (std::size_t axis = 0; axis < expected.rank(); ++axis)
    expect_extent(node, "extent " + std::to_string(axis) + " of " + describe(graph, node, index), actual.dims[axis],
                  expected.dims[axis]);
}

void expect_rank(const Graph& graph, const Node& node, std::size_t index, std::size_t rank) {
  if (!node.has_input(index)) return;
  const SymbolicShape& shape = graph.value(node.input(index)).shape;
  if (shape.rank() != rank)
    node_error(node, describe(graph, node, index) + " has shape " + to_string(shape) + "; rank " +
                         std::to_string(rank) + " is needed");
}

void infer_function(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  set_output(graph, node, 0, DataType::f32, input_value(graph, node, 0).shape);
}

}  // namespace tessera
