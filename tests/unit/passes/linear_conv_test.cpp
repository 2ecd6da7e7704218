// linear, conv and epilogue.
#include "unit/passes/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

constexpr PassFunction linear = &passes::fuse_linear;
constexpr PassFunction conv = &passes::fuse_conv;
constexpr PassFunction epilogue = &passes::fuse_epilogue;

TEST(Linear, MatMulAndBiasBecomeOneNode) {
  for (const bool bias_first : {false, true}) {
    Net net;
    const ValueId x = net.input("x", {Dim("batch"), Dim("seq"), 6});
    const ValueId product = net.op("MatMul", {x, net.weight({6, 10})});
    const ValueId bias = net.weight({10});
    net.output(bias_first ? net.op("Add", {bias, product}) : net.op("Add", {product, bias}));
    Graph after = net.graph;
    apply(after, {linear});
    EXPECT_EQ(ops_of(after), "FusedMatMul");
    EXPECT_EQ(after.nodes[0].inputs.size(), 3U);
    EXPECT_EQ(after.nodes[0].name, "MatMul");
    expect_same(net.graph, after, {random_tensor({2, 3, 6}, 1)});
  }
}

TEST(Linear, BiasWithLeadingOnesIsFlattened) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 3, 6});
  net.output(net.op("Add", {net.op("MatMul", {x, net.weight({6, 4})}), net.weight({1, 1, 4})}));
  Graph after = net.graph;
  apply(after, {linear});
  EXPECT_EQ(ops_of(after), "FusedMatMul");
  EXPECT_EQ(after.value(after.nodes[0].inputs[2]).shape.rank(), 1U);
  expect_same(net.graph, after, {random_tensor({2, 3, 6}, 1)});
}

TEST(Linear, ABroadcastThatIsNoBiasStays) {
  Net net;
  const ValueId x = net.input("x", {3, 6});
  net.output(net.op("Add", {net.op("MatMul", {x, net.weight({6, 4})}), net.weight({1, 3, 4})}));
  net.output(net.op("Add", {net.op("MatMul", {x, net.weight({6, 4})}), net.weight({1})}));
  net.output(net.op("Add", {net.op("MatMul", {x, net.weight({6, 4})}), net.weight({3, 1})}));
  Graph after = net.graph;
  apply(after, {linear});
  EXPECT_EQ(count(after, "FusedMatMul"), 3);
  EXPECT_EQ(count(after, "Add"), 3);
  expect_same(net.graph, after, {random_tensor({3, 6}, 1)});
}

TEST(Linear, TransposedWeightIsNotCopied) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 6});
  const ValueId w = net.weight({10, 6});
  net.output(net.op("Add", {net.op("MatMul", {x, net.transpose(w, {1, 0})}), net.weight({10})}));
  Graph after = net.graph;
  apply(after, {&passes::fold_constants, linear});
  EXPECT_EQ(ops_of(after), "FusedMatMul");
  EXPECT_EQ(after.nodes[0].attribute_or("transB", std::int64_t{0}), 1);
  EXPECT_EQ(after.value(after.nodes[0].inputs[1]).constant.data(), net.graph.value(w).constant.data());
  // A matrix read along its rows may be summed in another order.
  expect_same(net.graph, after, {random_tensor({5, 6}, 1)}, sum_tolerance(6));
}

TEST(Linear, GemmInEveryFormThatIsALinearLayer) {
  for (const std::int64_t transposed : {0, 1}) {
    for (const int bias : {0, 1, 2}) {
      Net net;
      const ValueId x = net.input("x", {Dim("batch"), 6});
      std::vector<ValueId> inputs{x, transposed != 0 ? net.weight({4, 6}) : net.weight({6, 4})};
      if (bias > 0) inputs.push_back(bias == 1 ? net.weight({4}) : net.weight({1, 4}));
      net.output(net.op("Gemm", inputs, {{"transB", transposed}, {"alpha", 1.0F}}));
      Graph after = net.graph;
      apply(after, {linear});
      EXPECT_EQ(ops_of(after), "FusedMatMul");
      expect_same(net.graph, after, {random_tensor({3, 6}, 1)}, sum_tolerance(6));
    }
  }
}

TEST(Linear, SaysWhyNot) {
  const auto reason = [](const Attributes& attributes, const Shape& c) {
    Net net;
    const ValueId x = net.input("x", {4, 4});
    net.output(net.op("Gemm", {x, net.weight({4, 4}), net.weight(c)}, attributes));
    const auto notes = apply(net.graph, {linear});
    EXPECT_EQ(ops_of(net.graph), "Gemm");
    return refusals(notes);
  };
  EXPECT_NE(reason({{"transA", std::int64_t{1}}}, {4}).find("transA"), std::string::npos);
  EXPECT_NE(reason({{"alpha", 2.0F}}, {4}).find("alpha or beta"), std::string::npos);
  EXPECT_NE(reason({{"beta", 0.5F}}, {4}).find("alpha or beta"), std::string::npos);
  EXPECT_NE(reason({}, {4, 1}).find("not a constant vector of 4"), std::string::npos);

  Net net;
  const ValueId a = net.input("a", {2, 4, 4});
  net.output(net.op("MatMul", {a, net.input("b", {2, 4, 4})}));
  net.output(net.op("MatMul", {a, net.weight({2, 4, 4})}));
  const auto notes = apply(net.graph, {linear});
  EXPECT_EQ(ops_of(net.graph), "MatMul MatMul");
  EXPECT_NE(refusals(notes).find("b is not a constant weight"), std::string::npos);
  EXPECT_NE(refusals(notes).find("is not a matrix"), std::string::npos);
}

TEST(Linear, AProductThatIsReadTwiceKeepsItsAdd) {
  Net net;
  const ValueId x = net.input("x", {2, 6});
  const ValueId product = net.op("MatMul", {x, net.weight({6, 4})});
  net.output(net.op("Add", {product, net.weight({4})}));
  net.output(net.op("Relu", {product}));
  Graph after = net.graph;
  apply(after, {linear});
  EXPECT_EQ(ops_of(after), "FusedMatMul Add Relu");
  expect_same(net.graph, after, {random_tensor({2, 6}, 1)});
}

TEST(Conv, BecomesFusedConvWithItsAttributes) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 7, 7});
  net.output(net.op("Conv", {x, net.weight({6, 2, 3, 3}), net.weight({6})},
                    {{"pads", ints({1, 1, 1, 1})}, {"strides", ints({2, 2})}, {"group", std::int64_t{2}}}));
  Graph after = net.graph;
  apply(after, {conv});
  EXPECT_EQ(ops_of(after), "FusedConv");
  expect_same(net.graph, after, {random_tensor({2, 4, 7, 7}, 1)});
}

TEST(Conv, ComputedWeightsStay) {
  Net net;
  net.output(net.op("Conv", {net.input("x", {1, 4, 7, 7}), net.input("w", {6, 4, 3, 3})}));
  const auto notes = apply(net.graph, {conv});
  EXPECT_EQ(ops_of(net.graph), "Conv");
  EXPECT_NE(refusals(notes).find("not constant"), std::string::npos);
}

ValueId pointwise(Net& net, ValueId x) {
  return net.op("Conv", {x, net.weight({4, 4, 1, 1}), net.weight({4})});
}

TEST(Epilogue, ResidualThenReluGoIntoTheConv) {
  for (const bool residual_first : {false, true}) {
    Net net;
    const ValueId x = net.input("x", {Dim("batch"), 4, 5, 5});
    const ValueId y = pointwise(net, net.op("Tanh", {x}));
    net.output(net.op("Relu", {residual_first ? net.op("Add", {x, y}) : net.op("Add", {y, x})}));
    Graph after = net.graph;
    apply(after, {conv, epilogue});
    EXPECT_EQ(ops_of(after), "Tanh FusedConv");
    EXPECT_EQ(after.nodes[1].inputs.size(), 4U);
    EXPECT_EQ(activation_of(after.nodes[1]), "relu");
    EXPECT_EQ(after.nodes[1].name, "Conv");
    expect_same(net.graph, after, {random_tensor({2, 4, 5, 5}, 1)});
  }
}

TEST(Epilogue, TheLaterOfTwoConvsTakesTheOther) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 5, 5});
  const ValueId first = pointwise(net, x);
  const ValueId second = pointwise(net, x);
  net.output(net.op("Add", {first, second}));
  Graph after = net.graph;
  apply(after, {conv, epilogue});
  EXPECT_EQ(ops_of(after), "FusedConv FusedConv");
  EXPECT_EQ(after.nodes[1].inputs[3], after.nodes[0].outputs[0]);
  EXPECT_EQ(after.nodes[1].name, "Conv_1");
  expect_same(net.graph, after, {random_tensor({2, 4, 5, 5}, 1)});
}

TEST(Epilogue, WhenTheLaterOneIsUsedElsewhereTheEarlierOneTakesIt) {
  Net net;
  const ValueId x = net.input("x", {1, 4, 5, 5});
  const ValueId first = pointwise(net, x);
  const ValueId second = pointwise(net, x);
  net.output(net.op("Add", {first, second}));
  net.output(net.op("Relu", {net.op("Tanh", {second})}));
  Graph after = net.graph;
  apply(after, {conv});
  for (Node& node : after.nodes) {
    if (node.name == "Conv_1") node.attributes["activation"] = std::string("none");
  }
  const Graph before = after;
  apply(after, {epilogue});
  EXPECT_EQ(count(after, "Add"), 0);
  expect_same(before, after, {random_tensor({1, 4, 5, 5}, 1)});
}

TEST(Epilogue, ActivationsOfLinearLayers) {
  for (const std::string op : {"Relu", "Gelu", "Tanh"}) {
    Net net;
    const ValueId x = net.input("x", {Dim("batch"), 6});
    net.output(net.op(op, {net.op("MatMul", {x, net.weight({6, 4})})}));
    Graph after = net.graph;
    apply(after, {linear, epilogue});
    EXPECT_EQ(ops_of(after), "FusedMatMul");
    EXPECT_NE(activation_of(after.nodes[0]), "none");
    expect_same(net.graph, after, {random_tensor({3, 6}, 1)});
  }
}

/// The reasons of a graph in which a pointwise convolution is followed by what `build` adds.
template <typename Build>
std::string reasons(const Build& build) {
  Net net;
  const ValueId x = net.input("x", {1, 4, 5, 5});
  build(net, x, pointwise(net, x));
  Graph after = net.graph;
  const auto notes = apply(after, {conv, epilogue});
  expect_same(net.graph, after, {random_tensor({1, 4, 5, 5}, 1)});
  return refusals(notes);
}

TEST(Epilogue, SaysWhyNot) {
  EXPECT_NE(reasons([](Net& net, ValueId, ValueId y) {
              net.output(net.op("Relu", {y}));
              net.output(y);
            }).find("is a graph output"),
            std::string::npos);
  EXPECT_NE(reasons([](Net& net, ValueId x, ValueId y) {
              net.output(net.op("Add", {x, y}));
              net.output(net.op("Tanh", {y}));
            }).find("is used elsewhere"),
            std::string::npos);
  EXPECT_NE(reasons([](Net& net, ValueId, ValueId y) {
              net.output(net.op("Add", {y, net.weight({4, 1, 1})}));
            }).find("is a constant"),
            std::string::npos);
  EXPECT_NE(reasons([](Net& net, ValueId x, ValueId y) {
              net.output(net.op("Add", {y, net.op("GlobalAveragePool", {x})}));
            }).find("differ in shape"),
            std::string::npos);
  EXPECT_NE(reasons([](Net& net, ValueId x, ValueId y) {
              net.output(net.op("Add", {x, net.op("Relu", {y})}));
            }).find("has an activation"),
            std::string::npos);
  EXPECT_NE(reasons([](Net& net, ValueId x, ValueId y) {
              net.output(net.op("Add", {x, net.op("Add", {x, y})}));
            }).find("has a residual already"),
            std::string::npos);
}

TEST(Epilogue, AValueAddedToItselfStays) {
  EXPECT_NE(reasons([](Net& net, ValueId, ValueId y) {
              net.output(net.op("Add", {y, y}));
            }).find("used elsewhere"),
            std::string::npos);
}

}  // namespace
}  // namespace tessera
