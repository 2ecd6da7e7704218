// The bytes that a step says it has to move at least.
#include <gtest/gtest.h>

#include "compile/traffic.hpp"
#include "ops/op.hpp"
#include "tessera/tessera.hpp"

namespace tessera {
namespace {

Graph product(DataType type) {
  Graph graph;
  const ValueId x = graph.add_input("x", type, SymbolicShape({Dim(5), Dim(16)}));
  const ValueId weights = graph.add_constant("weights", Tensor(DataType::f32, {16, 32}));
  const ValueId bias = graph.add_constant("bias", Tensor(DataType::f32, {32}));
  const ValueId y = graph.append("FusedMatMul", "linear", {x, weights, bias});
  graph.value(y).type = type;
  graph.value(y).shape = SymbolicShape({Dim(5), Dim(32)});
  return graph;
}

TEST(TrafficTest, InputsWeightsAndOutputsOnce) {
  const Graph graph = product(DataType::f32);
  EXPECT_EQ(least_bytes(graph, graph.nodes[0]), 4 * (5 * 16 + 16 * 32 + 32 + 5 * 32));
}

TEST(TrafficTest, WeightsCountAsTheyArePacked) {
  const Graph graph = product(DataType::bf16);
  EXPECT_EQ(least_bytes(graph, graph.nodes[0]), 2 * (5 * 16 + 16 * 32 + 5 * 32) + 4 * 32);
}

TEST(TrafficTest, AnInputThatIsReadTwiceCountsOnce) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape({Dim(7)}));
  graph.append("Mul", "square", {x, x});
  infer_shapes(graph);
  EXPECT_EQ(least_bytes(graph, graph.nodes[0]), 4 * (7 + 7));
}

TEST(TrafficTest, OfATableTheRowsThatAreTaken) {
  Graph graph;
  const ValueId table = graph.add_constant("table", Tensor(DataType::f32, {1000, 8}));
  const ValueId ids = graph.add_input("ids", DataType::i64, SymbolicShape({Dim(3)}));
  graph.append("Gather", "lookup", {table, ids}, {{"axis", std::int64_t{0}}});
  infer_shapes(graph);
  EXPECT_EQ(least_bytes(graph, graph.nodes[0]), 2 * 4 * 3 * 8 + 8 * 3);
}

TEST(TrafficTest, APlanSaysItOfItsSteps) {
  Session session = Model::load("resnet50").compile({.threads = 1, .extents = {{"batch", 2}}});
  double products = 0;
  for (const StepInfo& step : session.explain())
    if (step.gflop > 0) products += static_cast<double>(step.bytes);
  // 25.5 million weights once (or once for each part of the batch), and the images between 54 layers.
  EXPECT_GT(products, 4 * 25.5e6);
  EXPECT_LT(products, 2 * (4 * 25.5e6 + 200e6));
}

}  // namespace
}  // namespace tessera
