#include <algorithm>
#include <array>

#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::expect_error;
using test::floats;

/// x -> Relu a -> Add(a, w) b, and Neg c that nobody uses.
struct Small {
  Graph graph;
  ValueId x, w, a, b, c;

  Small() {
    graph.name = "small";
    x = graph.add_input("x", DataType::f32, SymbolicShape{Dim("batch"), 2});
    w = graph.add_constant("w", floats(Shape{2}, {1, 2}));
    a = graph.append("Relu", "a", {x});
    c = graph.append("Neg", "c", {a});
    b = graph.append("Add", "b", {a, w});
    graph.outputs = {b};
  }
};

TEST(Graph, FindsValuesByName) {
  const Small small;
  EXPECT_EQ(small.graph.find("w"), small.w);
  EXPECT_EQ(small.graph.find("nothing"), no_value);
}

TEST(Graph, TakenNamesGetASuffix) {
  Graph graph;
  EXPECT_EQ(graph.value(graph.add_value("x", DataType::f32)).name, "x");
  EXPECT_EQ(graph.value(graph.add_value("x", DataType::f32)).name, "x_1");
  EXPECT_EQ(graph.value(graph.add_value("x", DataType::f32)).name, "x_2");
  EXPECT_FALSE(graph.value(graph.add_value("", DataType::f32)).name.empty());
}

TEST(Graph, AppendNamesNodeAndOutputAlike) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{2});
  graph.append("Relu", "x", {x});
  graph.append("Relu", "", {x});
  graph.append("Relu", "", {x});
  graph.append("Clip", "clip", {x, no_value, no_value});
  EXPECT_EQ(graph.nodes[0].name, "x_1");
  EXPECT_EQ(graph.nodes[1].name, "Relu");
  EXPECT_EQ(graph.nodes[2].name, "Relu_1");
  EXPECT_EQ(graph.nodes[3].inputs, std::vector<ValueId>{x}) << "trailing omitted inputs are dropped";
  for (const Node& node : graph.nodes) EXPECT_EQ(graph.value(node.outputs[0]).name, node.name);
  graph.validate();
}

TEST(Graph, ConstantsCarryTypeAndShape) {
  const Small small;
  EXPECT_TRUE(small.graph.value(small.w).is_constant());
  EXPECT_EQ(small.graph.value(small.w).shape, SymbolicShape{2});
  EXPECT_FALSE(small.graph.value(small.x).is_constant());
  EXPECT_TRUE(Tensor(DataType::f32, Shape{0}).data() != nullptr) << "a constant without elements is still a constant";
}

TEST(Graph, RemoveUnusedKeepsWhatOutputsNeed) {
  Small small;
  small.graph.add_constant("stray", floats(Shape{1}, {0}));
  small.graph.remove_unused();
  EXPECT_EQ(small.graph.find("c"), no_value);
  EXPECT_EQ(small.graph.find("stray"), no_value);
  ASSERT_EQ(small.graph.nodes.size(), 2U);
  EXPECT_EQ(small.graph.values.size(), 4U);
  EXPECT_EQ(small.graph.value(small.graph.nodes[1].inputs[1]).name, "w");
  EXPECT_EQ(small.graph.value(small.graph.outputs[0]).name, "b");
  small.graph.validate();
}

TEST(Graph, RemoveUnusedKeepsInputsAndHalfUsedNodes) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{2});
  graph.add_input("ignored", DataType::f32, SymbolicShape{2});
  const ValueId left = graph.append("Split", "left", {x});
  graph.nodes[0].outputs.push_back(graph.add_value("right", DataType::f32));
  graph.outputs = {left};
  graph.remove_unused();
  EXPECT_EQ(graph.inputs.size(), 2U);
  EXPECT_NE(graph.find("ignored"), no_value);
  EXPECT_NE(graph.find("right"), no_value);
  graph.validate();
}

TEST(Graph, ValidateNamesTheNodeOutOfOrder) {
  Small small;
  std::swap(small.graph.nodes[0], small.graph.nodes[2]);
  expect_error(ErrorKind::failed, {"node b (Add)", "input a"}, [&] { small.graph.validate(); });
}

TEST(Graph, ValidateNamesTheSecondProducer) {
  Small small;
  small.graph.nodes[1].outputs = {small.a};
  expect_error(ErrorKind::failed, {"node c (Neg)", "output a", "producer"}, [&] { small.graph.validate(); });
}

TEST(Graph, ValidateNamesTheNodeThatComputesAConstantOrInput) {
  Small small;
  small.graph.nodes[1].outputs = {small.w};
  expect_error(ErrorKind::failed, {"node c (Neg)", "output w"}, [&] { small.graph.validate(); });
}

TEST(Graph, ValidateRejectsIdsOutOfRange) {
  Small small;
  small.graph.nodes[0].inputs = {99};
  expect_error(ErrorKind::failed, {"node a (Relu)", "99"}, [&] { small.graph.validate(); });
  small.graph.nodes[0].inputs = {-2};
  expect_error(ErrorKind::failed, {"node a (Relu)", "-2"}, [&] { small.graph.validate(); });
}

TEST(Graph, ValidateRejectsOutputsNobodyComputes) {
  Small small;
  small.graph.outputs.push_back(small.graph.add_value("ghost", DataType::f32));
  expect_error(ErrorKind::failed, {"output ghost"}, [&] { small.graph.validate(); });
}

TEST(Graph, ValidateRejectsNamesUsedTwice) {
  Small twice;
  twice.graph.value(twice.c).name = "a";
  expect_error(ErrorKind::failed, {"value a", "twice"}, [&] { twice.graph.validate(); });
  Small nodes;
  nodes.graph.nodes[1].name = "a";
  expect_error(ErrorKind::failed, {"node a (Neg)", "same name"}, [&] { nodes.graph.validate(); });
}

TEST(Graph, ValidateRejectsConstantsThatDisagreeWithTheirElements) {
  Small small;
  small.graph.value(small.w).shape = SymbolicShape{3};
  expect_error(ErrorKind::failed, {"constant w"}, [&] { small.graph.validate(); });
}

TEST(Uses, ListsProducersAndConsumers) {
  const Small small;
  const Uses uses(small.graph);
  EXPECT_EQ(uses.producer(small.x), -1);
  EXPECT_EQ(uses.producer(small.b), 2);
  EXPECT_TRUE(std::ranges::equal(uses.consumers(small.a), std::array{1, 2}));
  EXPECT_TRUE(uses.is_output(small.b));
  EXPECT_FALSE(uses.single_use(small.a));
  EXPECT_FALSE(uses.single_use(small.b)) << "an output of the graph";
  EXPECT_TRUE(uses.single_use(small.x));
}

TEST(Uses, CountsANodeOncePerUse) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{2});
  graph.outputs = {graph.append("Mul", "square", {x, x})};
  EXPECT_TRUE(std::ranges::equal(Uses(graph).consumers(x), std::array{0, 0}));
  EXPECT_FALSE(Uses(graph).single_use(x));
}

TEST(Node, AttributesHaveTypesAndFallbacks) {
  Node node;
  node.op = "Conv";
  node.name = "conv1";
  node.attributes["group"] = std::int64_t{4};
  node.attributes["pads"] = std::vector<std::int64_t>{1, 1};
  EXPECT_EQ(node.attribute_or<std::int64_t>("group", 1), 4);
  EXPECT_EQ(node.attribute_or<float>("alpha", 0.5F), 0.5F);
  EXPECT_EQ(node.find_attribute<float>("alpha"), nullptr);
  EXPECT_EQ(*node.find_attribute<std::vector<std::int64_t>>("pads"), (std::vector<std::int64_t>{1, 1}));
  expect_error(ErrorKind::invalid, {"conv1", "Conv", "group"}, [&] { (void)node.attribute_or<float>("group", 1.0F); });
}

TEST(Attribute, Prints) {
  EXPECT_EQ(to_string(Attribute(std::int64_t{-3})), "-3");
  EXPECT_EQ(to_string(Attribute(1e-5F)), "1e-05");
  EXPECT_EQ(to_string(Attribute(std::string("same"))), "\"same\"");
  EXPECT_EQ(to_string(Attribute(std::vector<std::int64_t>{1, 2})), "[1, 2]");
  EXPECT_EQ(to_string(Attribute(std::vector<float>{0.5F})), "[0.5]");
  EXPECT_EQ(to_string(Attribute(std::vector<std::int64_t>(100, 7))), "[7, 7, 7, 7, 7, 7, 7, 7, ... 100 in all]");
  EXPECT_EQ(to_string(Attribute(floats(Shape{2}, {1, 2}))), "f32[2]");
}

TEST(GraphNames, AHundredThousandValuesOfOneNameAreNamedAtOnce) {
  Graph graph;
  for (int i = 0; i < 100000; ++i) graph.add_value("x", DataType::f32);  // took minutes when each was looked for
  EXPECT_EQ(graph.values.front().name, "x");
  EXPECT_EQ(graph.values.back().name, "x_99999");
  Graph copy = graph;
  copy.values[7].name = "y";
  EXPECT_EQ(copy.values[static_cast<std::size_t>(copy.add_value("y", DataType::f32))].name, "y_1");
}

TEST(GraphNames, OfWhatWasRemovedAreFreeAgain) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, {1});
  graph.append("Relu", "unused", {x});
  graph.outputs = {graph.append("Relu", "used", {x})};
  graph.remove_unused();
  EXPECT_EQ(graph.value(graph.add_value("unused", DataType::f32)).name, "unused");
  EXPECT_EQ(graph.value(graph.add_value("used", DataType::f32)).name, "used_1");
}

}  // namespace
}  // namespace tessera
