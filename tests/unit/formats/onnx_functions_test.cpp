// Functions that a model brings along, and If whose branch follows from shapes.
#include <functional>

#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "unit/formats/onnx_support.hpp"

namespace tessera {
namespace {

using namespace formats_testing;  // NOLINT: the helpers of these tests

onnx::NodeProto* add_node(onnx::FunctionProto& function, const std::string& op,
                          std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs) {
  auto* node = function.add_node();
  node->set_op_type(op);
  for (const char* input : inputs) node->add_input(input);
  for (const char* output : outputs) node->add_output(output);
  return node;
}

/// scaled(a) = LeakyRelu(a, alpha = slope) + a
onnx::FunctionProto scaled_function() {
  onnx::FunctionProto function;
  function.set_name("scaled");
  function.set_domain("local");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("slope");
  auto* leaky = add_node(function, "LeakyRelu", {"a"}, {"inner"});
  auto* alpha = leaky->add_attribute();
  alpha->set_name("alpha");
  alpha->set_type(onnx::AttributeProto::FLOAT);
  alpha->set_ref_attr_name("slope");
  add_node(function, "Add", {"inner", "a"}, {"b"});
  return function;
}

onnx::ModelProto model_of_calls() {
  onnx::ModelProto model = small_model();
  model.mutable_graph()->clear_node();
  *model.add_functions() = scaled_function();
  for (const auto& [from, to] : {std::pair{"x", "middle"}, std::pair{"middle", "y"}}) {
    auto* call = formats_testing::add_node(model, "scaled", "", {from}, {to});
    call->set_domain("local");
    auto* slope = call->add_attribute();
    slope->set_name("slope");
    slope->set_type(onnx::AttributeProto::FLOAT);
    slope->set_f(0.5F);
  }
  return model;
}

std::vector<float> run(const Graph& graph, std::initializer_list<float> x) {
  Graph inferred = graph;
  infer_shapes(inferred);
  const std::vector<Tensor> inputs{Tensor::from<float>(Shape{2, 3}, std::span<const float>(x.begin(), x.size()))};
  const Tensor y = evaluate(inferred, inputs).front();
  return {y.as<float>().begin(), y.as<float>().end()};
}

TEST(OnnxFunctions, StandWhereTheyAreCalled) {
  const Graph graph = parse(model_of_calls());
  ASSERT_EQ(graph.nodes.size(), 4U);
  // x + (x < 0 ? x / 2 : x), twice.
  EXPECT_EQ(run(graph, {1, -2, 0, 4, -4, 8}), (std::vector<float>{4, -4.5F, 0, 16, -9, 32}));
}

TEST(OnnxFunctions, WithoutAnAttributeUseTheDefault) {
  onnx::ModelProto model = model_of_calls();
  for (auto& node : *model.mutable_graph()->mutable_node()) node.clear_attribute();
  EXPECT_FLOAT_EQ(run(parse(model), {-1, 0, 0, 0, 0, 0})[0], -1.01F * 1.01F);
}

TEST(OnnxFunctions, RefuseCallsOfThemselvesAndOtherOperatorSets) {
  onnx::ModelProto recursive = model_of_calls();
  auto* inside = recursive.mutable_functions(0)->mutable_node(1);
  inside->set_op_type("scaled");
  inside->set_domain("local");
  inside->mutable_input()->RemoveLast();
  expect_invalid(recursive, {"function scaled", "calls itself"});
  onnx::ModelProto older = model_of_calls();
  older.mutable_functions(0)->add_opset_import()->set_version(13);
  expect_invalid(older, {"function scaled", "13", "17"});
}

void set_branch(onnx::NodeProto& node, const char* name, const std::function<void(onnx::GraphProto&)>& fill) {
  auto* attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::GRAPH);
  fill(*attribute->mutable_g());
}

onnx::NodeProto* branch_node(onnx::GraphProto& graph, const std::string& op, const char* input) {
  auto* node = graph.add_node();
  node->set_op_type(op);
  node->add_input(input);
  node->add_output("result");
  graph.add_output()->set_name("result");
  return node;
}

/// y = If(extent 1 of x == wanted) then Neg(x) else Relu(x)
onnx::ModelProto model_of_if(std::int64_t wanted) {
  onnx::ModelProto model = small_model();
  model.mutable_graph()->clear_node();
  formats_testing::add_node(model, "Shape", "shape", {"x"}, {"extents"});
  *add_initializer(model, "one", onnx::TensorProto::INT64, {1})->mutable_raw_data() = raw<std::int64_t>({1});
  *add_initializer(model, "wanted", onnx::TensorProto::INT64, {1})->mutable_raw_data() = raw<std::int64_t>({wanted});
  formats_testing::add_node(model, "Gather", "extent", {"extents", "one"}, {"width"});
  formats_testing::add_node(model, "Equal", "equal", {"width", "wanted"}, {"condition"});
  auto* node = formats_testing::add_node(model, "If", "choice", {"condition"}, {"y"});
  set_branch(*node, "then_branch", [](onnx::GraphProto& graph) { branch_node(graph, "Neg", "x"); });
  set_branch(*node, "else_branch", [](onnx::GraphProto& graph) { branch_node(graph, "Relu", "x"); });
  return model;
}

TEST(OnnxIf, TakesTheBranchThatShapesDecide) {
  EXPECT_EQ(run(parse(model_of_if(3)), {1, -2, 0, 4, -4, 8}), (std::vector<float>{-1, 2, -0.0F, -4, 4, -8}));
  EXPECT_EQ(run(parse(model_of_if(4)), {1, -2, 0, 4, -4, 8}), (std::vector<float>{1, 0, 0, 4, 0, 8}));
}

TEST(OnnxIf, TwoMayHaveTheSameNamesInside) {
  onnx::ModelProto model = model_of_if(3);
  auto* second = model.mutable_graph()->add_node();
  *second = model.graph().node(3);
  second->set_name("second");
  second->set_output(0, "z");
  set_tensor_type(model.mutable_graph()->add_output(), "z", onnx::TensorProto::FLOAT, {2, 3});
  EXPECT_EQ(parse(model).outputs.size(), 2U);
}

TEST(OnnxIf, WhatDependsOnDataOrOnSymbolsIsRefused) {
  onnx::ModelProto data = model_of_if(3);
  set_tensor_type(data.mutable_graph()->add_input(), "flag", onnx::TensorProto::BOOL, {1});
  data.mutable_graph()->mutable_node(3)->set_input(0, "flag");
  expect_invalid(data, {"node choice (If)", "flag", "computed when the model runs"});
  onnx::ModelProto symbols = model_of_if(3);
  symbols.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_param("width");
  expect_invalid(symbols, {"node choice (If)", "condition"});
}

}  // namespace
}  // namespace tessera
