// eliminate, constant_folding and reshape_targets.
#include "unit/passes/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

TEST(Eliminate, RemovesNodesThatChangeNothing) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 4});
  ValueId y = net.op("Identity", {x});
  y = net.op("Relu", {y});
  y = net.op("Dropout", {y});
  y = net.op("Cast", {y}, {{"to", std::int64_t{1}}});
  y = net.reshape(y, {0, 4});
  y = net.transpose(y, {0, 1});
  net.output(net.op("Tanh", {y}));
  Graph after = net.graph;
  apply(after, {&passes::eliminate});
  EXPECT_EQ(ops_of(after), "Relu Tanh");
  expect_same(net.graph, after, {random_tensor({3, 4}, 1)});
}

TEST(Eliminate, GraphOutputKeepsItsName) {
  Net net;
  const ValueId x = net.input("x", {2, 3});
  const ValueId y = net.op("Identity", {net.op("Relu", {x})});
  net.graph.value(y).name = "result";
  net.output(y);
  Graph after = net.graph;
  apply(after, {&passes::eliminate});
  EXPECT_EQ(ops_of(after), "Relu");
  EXPECT_EQ(after.value(after.outputs.front()).name, "result");
  expect_same(net.graph, after, {random_tensor({2, 3}, 1)});
}

TEST(Eliminate, IdentityFromInputToOutputStays) {
  Net net;
  net.output(net.op("Identity", {net.input("x", {2, 3})}));
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::eliminate});
  EXPECT_EQ(ops_of(after), "Identity");
  EXPECT_NE(refusals(notes).find("graph output that nothing else can produce"), std::string::npos);
}

TEST(Eliminate, ReshapeAndTransposeThatChangeSomethingStay) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 4});
  net.output(net.reshape(net.transpose(x, {0, 2, 1}), {0, 16}));
  Graph after = net.graph;
  apply(after, {&passes::eliminate});
  EXPECT_EQ(ops_of(after), "Transpose Reshape");
}

TEST(Eliminate, DeadCodeGoesWithTheRewrite) {
  Net net;
  const ValueId x = net.input("x", {2, 3});
  net.op("Tanh", {x});
  net.output(net.op("Relu", {net.op("Identity", {x})}));
  Graph after = net.graph;
  apply(after, {&passes::eliminate});
  EXPECT_EQ(ops_of(after), "Relu");
}

TEST(ConstantFolding, EvaluatesNodesOfConstants) {
  Net net;
  const ValueId x = net.input("x", {2, 3});
  const ValueId sum = net.op("Add", {net.weight({3}), net.weight({3})});
  net.output(net.op("Mul", {x, net.op("Sqrt", {net.op("Mul", {sum, sum})})}));
  Graph after = net.graph;
  apply(after, {&passes::fold_constants});
  EXPECT_EQ(ops_of(after), "Mul");
  expect_same(net.graph, after, {random_tensor({2, 3}, 1)});
}

TEST(ConstantFolding, ShapesThatAreKnownBecomeConstants) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 6, 4});
  const ValueId extent =
      net.op("Gather", {net.op("Shape", {x}), net.constant(indices({1}))}, {{"axis", std::int64_t{0}}});
  const ValueId target = net.op("Concat", {net.constant(indices({-1})), extent}, {{"axis", std::int64_t{0}}});
  net.output(net.op("Reshape", {net.transpose(x, {0, 2, 1}), target}));
  Graph after = net.graph;
  apply(after, {&passes::fold_constants});
  EXPECT_EQ(ops_of(after), "Transpose Reshape");
  expect_same(net.graph, after, {random_tensor({2, 6, 4}, 1)});
}

TEST(ConstantFolding, LeavesDequantizedAndTransposedWeightsAlone) {
  Net net;
  const ValueId x = net.input("x", {2, 3});
  const ValueId quantized = net.constant(tensor_of<std::int8_t>({5, 3}, std::vector<std::int8_t>(15, 7)));
  const ValueId real = net.op("DequantizeLinear", {quantized, net.number(0.5F)});
  const ValueId y = net.op("MatMul", {x, net.transpose(net.weight({5, 3}), {1, 0})});
  net.output(net.op("Add", {y, net.op("MatMul", {x, net.transpose(real, {1, 0})})}));
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::fold_constants});
  EXPECT_EQ(count(after, "Transpose"), 2);
  EXPECT_EQ(count(after, "DequantizeLinear"), 1);
  EXPECT_NE(refusals(notes).find("integers stay integers"), std::string::npos);
  EXPECT_NE(refusals(notes).find("MatMul reads the matrix transposed"), std::string::npos);
}

TEST(ConstantFolding, DoesNotHoldWhatGrowsBeyondTheLimit) {
  Net net;
  const ValueId x = net.input("x", {1});
  const ValueId large = net.op("Expand", {net.number(1.0F), net.constant(indices({17, 1024, 1024}))});
  net.output(net.op("Add", {x, large}));
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::fold_constants});
  EXPECT_EQ(count(after, "Expand"), 1);
  EXPECT_NE(refusals(notes).find(std::to_string(17 * 4 << 20) + " bytes"), std::string::npos);
}

TEST(ReshapeTargets, SymbolicExtentsBecomeZeroAndMinusOne) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), Dim("seq"), 12});
  const ValueId shape = net.op("Shape", {x});
  const auto extent = [&](std::int64_t axis) {
    return net.op("Gather", {shape, net.constant(indices({axis}))}, {{"axis", std::int64_t{0}}});
  };
  const ValueId target =
      net.op("Concat", {extent(0), extent(1), net.constant(indices({3, 4}))}, {{"axis", std::int64_t{0}}});
  net.output(net.op("Reshape", {x, target}));
  Graph after = net.graph;
  apply(after, {&passes::simplify_reshapes});
  EXPECT_EQ(ops_of(after), "Reshape");
  const Tensor& constant = after.value(after.nodes.front().inputs[1]).constant;
  const auto elements = constant.as<std::int64_t>();
  EXPECT_EQ(std::vector<std::int64_t>(elements.begin(), elements.end()), ints({0, 0, 3, 4}));
  expect_same(net.graph, after, {random_tensor({2, 5, 12}, 1)});
}

TEST(ReshapeTargets, FlattenBehindPoolingBecomesReshape) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 6, 4, 4});
  net.output(net.op("Flatten", {net.op("GlobalAveragePool", {x})}, {{"axis", std::int64_t{1}}}));
  Graph after = net.graph;
  apply(after, {&passes::simplify_reshapes});
  EXPECT_EQ(ops_of(after), "GlobalAveragePool Reshape");
  EXPECT_EQ(to_string(after.value(after.outputs[0]).shape), "[batch, 6]");
  expect_same(net.graph, after, {random_tensor({3, 6, 4, 4}, 1)});
}

TEST(ReshapeTargets, TwoExtentsThatCannotBeToldStay) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), Dim("seq"), 4});
  const ValueId shape = net.op("Shape", {x});
  const ValueId swapped = net.op("Gather", {shape, net.constant(indices({1, 0, 2}))}, {{"axis", std::int64_t{0}}});
  net.output(net.op("Reshape", {x, swapped}));
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::simplify_reshapes});
  EXPECT_EQ(count(after, "Shape"), 1);
  EXPECT_NE(refusals(notes).find("cannot be told"), std::string::npos);
  expect_same(net.graph, after, {random_tensor({2, 5, 4}, 1)});
}

}  // namespace
}  // namespace tessera
