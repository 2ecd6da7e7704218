// batch_norm_folding, layer_norm and gelu.
#include <numbers>

#include "unit/passes/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

ValueId batch_norm(Net& net, ValueId x, std::int64_t channels) {
  const ValueId variance = net.constant(random_tensor({channels}, 7, 0.5F, 2.0F));
  return net.op("BatchNormalization",
                {x, net.weight({channels}, 2), net.weight({channels}), net.weight({channels}), variance},
                {{"epsilon", 1e-5F}});
}

TEST(BatchNormFolding, GoesIntoTheConvInFront) {
  for (const bool bias : {false, true}) {
    Net net;
    const ValueId x = net.input("x", {Dim("batch"), 4, 6, 6});
    std::vector<ValueId> inputs{x, net.weight({8, 4, 3, 3})};
    if (bias) inputs.push_back(net.weight({8}));
    net.output(batch_norm(net, net.op("Conv", inputs, {{"pads", ints({1, 1, 1, 1})}}), 8));
    Graph after = net.graph;
    apply(after, {&passes::fold_batch_norm});
    EXPECT_EQ(ops_of(after), "Conv");
    EXPECT_EQ(after.nodes[0].inputs.size(), 3U);
    // Sums of 4*3*3 products: each rounding moves the result by an epsilon of the running sum, here and there, and
    // folding rounds every weight once more.
    expect_same(net.graph, after, {random_tensor({2, 4, 6, 6}, 1)}, 3 * 37 * epsilon);
  }
}

TEST(BatchNormFolding, LeavesTheOriginalWeightsAlone) {
  Net net;
  const ValueId x = net.input("x", {1, 2, 3, 3});
  const ValueId w = net.weight({2, 2, 1, 1});
  net.output(batch_norm(net, net.op("Conv", {x, w}), 2));
  const float before = net.graph.value(w).constant.as<float>()[0];
  Graph after = net.graph;
  apply(after, {&passes::fold_batch_norm});
  EXPECT_EQ(net.graph.value(w).constant.as<float>()[0], before);
  EXPECT_NE(after.value(after.nodes[0].inputs[1]).constant.as<float>()[0], before);
}

TEST(BatchNormFolding, AloneItBecomesMulAndAdd) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 5, 4, 4});
  net.output(net.op("Relu", {batch_norm(net, x, 5)}));
  Graph after = net.graph;
  apply(after, {&passes::fold_batch_norm});
  EXPECT_EQ(ops_of(after), "Mul Add Relu");
  // (x - mean) * scale + beta against x * scale + (beta - mean * scale): a handful of roundings of terms up to 4 times
  // the result.
  expect_same(net.graph, after, {random_tensor({2, 5, 4, 4}, 1)}, 16 * epsilon);
}

TEST(BatchNormFolding, SaysWhyNot) {
  Net net;
  const ValueId x = net.input("x", {1, 4, 6, 6});
  const ValueId convolution = net.op("Conv", {x, net.weight({4, 4, 1, 1})});
  net.output(batch_norm(net, convolution, 4));
  net.output(net.op("Relu", {convolution}));
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::fold_batch_norm});
  EXPECT_EQ(count(after, "Conv"), 1);
  EXPECT_EQ(count(after, "Mul"), 1) << "it still becomes Mul and Add";
  EXPECT_NE(refusals(notes).find("is used elsewhere"), std::string::npos);
  expect_same(net.graph, after, {random_tensor({1, 4, 6, 6}, 1)}, 16 * epsilon);
}

TEST(BatchNormFolding, ComputedStatisticsStay) {
  Net net;
  const ValueId x = net.input("x", {1, 4, 2, 2});
  const ValueId mean = net.input("mean", {4});
  net.output(net.op("BatchNormalization", {x, net.weight({4}), net.weight({4}), mean, net.weight({4})}));
  Graph after = net.graph;
  EXPECT_NE(refusals(apply(after, {&passes::fold_batch_norm})).find("not constant"), std::string::npos);
  EXPECT_EQ(ops_of(after), "BatchNormalization");
}

struct LayerNormForm {
  bool pow = true, axes_input = false, two_subs = false, beta = true;
  std::int64_t axis = -1;
};

ValueId mean(Net& net, ValueId x, const LayerNormForm& form) {
  if (form.axes_input) return net.op("ReduceMean", {x, net.constant(indices({form.axis}))});
  return net.op("ReduceMean", {x}, {{"axes", ints({form.axis})}});
}

ValueId layer_norm(Net& net, ValueId x, std::int64_t width, const LayerNormForm& form) {
  const ValueId centred = net.op("Sub", {x, mean(net, x, form)});
  const ValueId again = form.two_subs ? net.op("Sub", {x, mean(net, x, form)}) : centred;
  const ValueId square = form.pow ? net.op("Pow", {again, net.number(2)}) : net.op("Mul", {again, again});
  const ValueId variance = net.op("Add", {mean(net, square, form), net.number(1e-5F)});
  ValueId y = net.op("Div", {centred, net.op("Sqrt", {variance})});
  y = net.op("Mul", {net.weight({width}, 2), y});
  return form.beta ? net.op("Add", {y, net.weight({width})}) : y;
}

TEST(LayerNorm, RecognisesTheFormsOfExporters) {
  const LayerNormForm forms[] = {
      {}, {false}, {true, false, true}, {true, false, false, false}, {true, false, false, true, 2}};
  for (const LayerNormForm& form : forms) {
    Net net;
    const ValueId x = net.input("x", {Dim("batch"), Dim("seq"), 16});
    net.output(layer_norm(net, x, 16, form));
    Graph after = net.graph;
    apply(after, {&passes::fuse_layer_norm});
    EXPECT_EQ(ops_of(after), "LayerNormalization");
    EXPECT_EQ(after.nodes[0].inputs.size(), form.beta ? 3U : 2U);
    EXPECT_FLOAT_EQ(after.nodes[0].attribute_or("epsilon", 0.0F), 1e-5F);
    // Two means over 16 elements, and a variance of about 1/3 that divides.
    expect_same(net.graph, after, {random_tensor({2, 3, 16}, 1)}, 4 * 16 * epsilon);
  }
}

TEST(LayerNorm, RecognisesAxesAsAnInput) {
  Net net;
  net.graph.opset = 18;
  const ValueId x = net.input("x", {Dim("batch"), 16});
  net.output(layer_norm(net, x, 16, {.axes_input = true}));
  Graph after = net.graph;
  apply(after, {&passes::fuse_layer_norm});
  EXPECT_EQ(ops_of(after), "LayerNormalization");
  expect_same(net.graph, after, {random_tensor({2, 16}, 1)}, 4 * 16 * epsilon);
}

TEST(LayerNorm, AnotherAxisStays) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 16, 16});
  net.output(layer_norm(net, x, 16, {.axis = 1}));
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::fuse_layer_norm});
  EXPECT_EQ(count(after, "LayerNormalization"), 0);
  EXPECT_NE(refusals(notes).find("not over the last axis"), std::string::npos);
}

TEST(LayerNorm, AQuotientThatIsUsedElsewhereStays) {
  Net net;
  const ValueId x = net.input("x", {2, 16});
  net.output(layer_norm(net, x, 16, {}));
  for (const Node& node : net.graph.nodes) {
    if (node.op == "Div") net.output(node.outputs[0]);
  }
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::fuse_layer_norm});
  EXPECT_EQ(count(after, "LayerNormalization"), 0);
  EXPECT_NE(refusals(notes).find("used elsewhere"), std::string::npos);
}

/// The erf form in the orders that exporters write.
ValueId gelu(Net& net, ValueId x, int form) {
  const ValueId argument = form % 2 == 0 ? net.op("Div", {x, net.number(std::numbers::sqrt2_v<float>)})
                                         : net.op("Mul", {x, net.number(1 / std::numbers::sqrt2_v<float>)});
  const ValueId sum = net.op("Add", {net.op("Erf", {argument}), net.number(1)});
  const ValueId half = net.number(0.5F);
  switch (form / 2) {
    case 0: return net.op("Mul", {net.op("Mul", {x, sum}), half});
    case 1: return net.op("Mul", {net.op("Mul", {half, x}), sum});
    case 2: return net.op("Mul", {x, net.op("Mul", {sum, half})});
    default: return net.op("Mul", {half, net.op("Mul", {sum, x})});
  }
}

TEST(Gelu, RecognisesEveryOrderOfFactors) {
  for (int form = 0; form < 8; ++form) {
    Net net;
    const ValueId x = net.input("x", {Dim("batch"), 50});
    net.output(gelu(net, x, form));
    Graph after = net.graph;
    apply(after, {&passes::fuse_gelu});
    EXPECT_EQ(ops_of(after), "Gelu") << "form " << form;
    // Five roundings on either side, of values no larger than the largest result or than 2.
    expect_same(net.graph, after, {random_tensor({4, 50}, 1, -5, 5)}, 10 * epsilon);
  }
}

TEST(Gelu, OtherConstantsStay) {
  Net net;
  const ValueId x = net.input("x", {2, 8});
  const ValueId erf = net.op("Erf", {net.op("Div", {x, net.number(1.5F)})});
  net.output(net.op("Mul", {net.op("Mul", {x, net.op("Add", {erf, net.number(1)})}), net.number(0.5F)}));
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::fuse_gelu});
  EXPECT_EQ(count(after, "Gelu"), 0);
  EXPECT_NE(refusals(notes).find("not x / sqrt(2)"), std::string::npos);
}

TEST(Gelu, ASumThatIsUsedElsewhereStays) {
  Net net;
  const ValueId x = net.input("x", {2, 8});
  net.output(gelu(net, x, 0));
  for (const Node& node : net.graph.nodes) {
    if (node.op == "Add") net.output(node.outputs[0]);
  }
  Graph after = net.graph;
  const auto notes = apply(after, {&passes::fuse_gelu});
  EXPECT_EQ(count(after, "Gelu"), 0);
  EXPECT_NE(refusals(notes).find("used elsewhere"), std::string::npos);
}

}  // namespace
}  // namespace tessera
