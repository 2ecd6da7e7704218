// Shorthand for tests of single ops: literal tensors, one-node graphs, and errors checked by their words.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/op.hpp"

namespace tessera::test {

template <typename T>
Tensor tensor(const Shape& shape, std::initializer_list<T> values) {
  EXPECT_EQ(static_cast<std::int64_t>(values.size()), shape.elements());
  return Tensor::from<T>(shape, std::span<const T>(values.begin(), values.size()));
}

inline Tensor floats(const Shape& shape, std::initializer_list<float> values) {
  return tensor<float>(shape, values);
}
inline Tensor integers(std::initializer_list<std::int64_t> values) {
  return tensor<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

template <typename T>
std::vector<T> elements(const Tensor& tensor) {
  EXPECT_EQ(tensor.type(), data_type_of<T>);
  const auto view = tensor.as<T>();
  return {view.begin(), view.end()};
}

/// A graph of one node, named "tested", whose inputs are graph inputs of the tensors' types and shapes; an empty tensor
/// stands for an omitted input.
inline Graph one_node(const std::string& op, const std::vector<Tensor>& inputs, Attributes attributes,
                      std::size_t outputs) {
  Graph graph;
  graph.name = "one";
  Node node;
  node.op = op;
  node.name = "tested";
  node.attributes = std::move(attributes);
  for (const Tensor& input : inputs)
    node.inputs.push_back(input.empty() ? no_value : graph.add_input("in", input.type(), SymbolicShape(input.shape())));
  for (std::size_t i = 0; i < outputs; ++i) {
    node.outputs.push_back(graph.add_value("out", DataType::f32));
    graph.outputs.push_back(node.outputs.back());
  }
  graph.nodes.push_back(std::move(node));
  return graph;
}

/// Checks the node, infers and evaluates it.
inline std::vector<Tensor> run_op_outputs(const std::string& op, const std::vector<Tensor>& inputs,
                                          Attributes attributes, std::size_t outputs) {
  const Graph graph = one_node(op, inputs, std::move(attributes), outputs);
  graph.validate();
  check_node(graph.nodes[0]);
  std::vector<Tensor> present;
  for (const Tensor& input : inputs)
    if (!input.empty()) present.push_back(input);
  return evaluate(graph, present);
}

inline Tensor run_op(const std::string& op, const std::vector<Tensor>& inputs, Attributes attributes = {}) {
  return run_op_outputs(op, inputs, std::move(attributes), 1).front();
}

/// Runs `action` and expects an Error of that kind whose message holds all the words.
template <typename Action>
void expect_error(ErrorKind kind, std::initializer_list<std::string_view> words, Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    for (const std::string_view word : words)
      EXPECT_NE(std::string_view(error.what()).find(word), std::string_view::npos)
          << "\"" << word << "\" is not in: " << error.what();
    return;
  }
  ADD_FAILURE() << "no Error was thrown";
}

}  // namespace tessera::test
