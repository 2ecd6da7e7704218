#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::floats;
using test::integers;
using test::tensor;

/// y = concat(x, x) along axis 1, z = transpose(y).
Graph doubled() {
  Graph graph;
  graph.name = "doubled";
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{Dim("n"), Dim("n")});
  const ValueId y = graph.append("Concat", "y", {x, x}, {{"axis", std::int64_t{1}}});
  graph.outputs = {graph.append("Transpose", "z", {y}), y};
  return graph;
}

TEST(Evaluate, RunsNodeByNodeAndReturnsOutputsInOrder) {
  const Graph graph = doubled();
  const auto outputs = evaluate(graph, std::vector<Tensor>{floats(Shape{2, 2}, {1, 2, 3, 4})});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[0].shape(), (Shape{4, 2}));
  EXPECT_EQ(elements<float>(outputs[0]), (std::vector<float>{1, 3, 2, 4, 1, 3, 2, 4}));
  EXPECT_EQ(elements<float>(outputs[1]), (std::vector<float>{1, 2, 1, 2, 3, 4, 3, 4}));
}

TEST(Evaluate, LeavesTheGraphAsItWas) {
  const Graph graph = doubled();
  const std::string before = to_text(graph);
  (void)evaluate(graph, std::vector<Tensor>{floats(Shape{1, 1}, {1})});
  EXPECT_EQ(to_text(graph), before);
}

TEST(Evaluate, ShapesMayDependOnData) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{6});
  const ValueId rows = graph.add_input("rows", DataType::i64, SymbolicShape{1});
  const ValueId shape =
      graph.append("Concat", "shape", {rows, graph.add_constant("rest", integers({-1}))}, {{"axis", std::int64_t{0}}});
  graph.outputs = {graph.append("Reshape", "reshaped", {x, shape})};
  const Tensor data = floats(Shape{6}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(evaluate(graph, std::vector<Tensor>{data, integers({3})})[0].shape(), (Shape{3, 2}));
  EXPECT_EQ(evaluate(graph, std::vector<Tensor>{data, integers({2})})[0].shape(), (Shape{2, 3}));
}

TEST(Evaluate, AnOutputMayBeAnInputOrAConstant) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{1});
  graph.append("Identity", "copy", {x});
  graph.outputs = {x, graph.add_constant("c", floats(Shape{1}, {5}))};
  const auto outputs = evaluate(graph, std::vector<Tensor>{floats(Shape{1}, {3})});
  EXPECT_EQ(elements<float>(outputs[0]), std::vector<float>{3});
  EXPECT_EQ(elements<float>(outputs[1]), std::vector<float>{5});
}

TEST(Evaluate, RefusesInputsThatDoNotFit) {
  const Graph graph = doubled();
  const auto run = [&](std::vector<Tensor> inputs) { (void)evaluate(graph, inputs); };
  expect_error(ErrorKind::invalid, {"doubled", "2 inputs", "1"}, [&] { run({Tensor{}, Tensor{}}); });
  expect_error(ErrorKind::invalid, {"input x", "no tensor"}, [&] { run({Tensor{}}); });
  expect_error(ErrorKind::invalid, {"input x", "i64", "f32"}, [&] { run({tensor<std::int64_t>(Shape{1, 1}, {1})}); });
  expect_error(ErrorKind::invalid, {"input x", "[2]", "[n, n]"}, [&] { run({floats(Shape{2}, {1, 2})}); });
  expect_error(ErrorKind::invalid, {"input x", "[1, 2]", "[n, n]"}, [&] { run({floats(Shape{1, 2}, {1, 2})}); });
}

TEST(EvaluateNode, UsesTheInferredShapes) {
  Graph graph = doubled();
  bind_shapes(graph, std::vector<Binding>{{"n", 1}});
  const Tensor one = floats(Shape{1, 1}, {4});
  EXPECT_EQ(elements<float>(evaluate_node(graph, graph.nodes[0], std::vector<Tensor>{one, one})[0]),
            (std::vector<float>{4, 4}));
}

TEST(EvaluateNode, NamesTheNodeWhoseShapeIsOpen) {
  Graph graph = doubled();
  infer_shapes(graph);
  const Tensor one = floats(Shape{1, 1}, {4});
  expect_error(ErrorKind::invalid, {"node y (Concat)", "[n, (2*n)]", "y"}, [&] {
    (void)evaluate_node(graph, graph.nodes[0], std::vector<Tensor>{one, one});
  });
}

TEST(EvaluateNode, NamesTheOperatorItCannotRun) {
  Graph graph = doubled();
  graph.nodes[0].op = "Loop";
  expect_error(ErrorKind::invalid, {"node y (Loop)"}, [&] { (void)evaluate_node(graph, graph.nodes[0], {}); });
}

}  // namespace
}  // namespace tessera
