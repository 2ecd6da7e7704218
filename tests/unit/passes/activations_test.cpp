// Activations spelled in several nodes, and activations as epilogues.
#include "unit/passes/support.hpp"

namespace tessera {
namespace {

using testing::apply;
using testing::count;
using testing::expect_same;
using testing::Net;
using testing::random_tensor;

/// Builds an activation of x and checks what becomes of it.
template <typename Build>
void expect_becomes(const std::string& op, const Build& build) {
  Net net;
  const ValueId x = net.input("x", {3, 40});
  net.output(build(net, x));
  infer_shapes(net.graph);
  Graph after = net.graph;
  apply(after, {&passes::fuse_activations});
  EXPECT_EQ(testing::ops_of(after), op);
  expect_same(net.graph, after, {random_tensor(Shape{3, 40}, 1, -8.0F, 8.0F)}, 1e-6);
}

TEST(FuseActivations, EverySpelling) {
  expect_becomes("Swish", [](Net& net, ValueId x) { return net.op("Mul", {x, net.op("Sigmoid", {x})}); });
  expect_becomes("Swish", [](Net& net, ValueId x) { return net.op("Mul", {net.op("Sigmoid", {x}), x}); });
  expect_becomes("Swish", [](Net& net, ValueId x) {
    return net.op("Mul", {x, net.op("Sigmoid", {net.op("Mul", {x, net.number(1.702F)})})});
  });
  expect_becomes("HardSwish", [](Net& net, ValueId x) {
    return net.op("Mul", {x, net.op("HardSigmoid", {x}, {{"alpha", 1.0F / 6.0F}, {"beta", 0.5F}})});
  });
  const auto cut = [](Net& net, ValueId x) {
    return net.op("Clip", {net.op("Add", {x, net.number(3)}), net.number(0), net.number(6)});
  };
  expect_becomes("HardSwish", [&](Net& net, ValueId x) {
    return net.op("Div", {net.op("Mul", {x, cut(net, x)}), net.number(6)});
  });
  expect_becomes("HardSwish", [&](Net& net, ValueId x) {
    return net.op("Mul", {net.op("Mul", {x, cut(net, x)}), net.number(1.0F / 6.0F)});
  });
  expect_becomes("HardSwish", [&](Net& net, ValueId x) {
    return net.op("Mul", {x, net.op("Div", {cut(net, x), net.number(6)})});
  });
  expect_becomes("HardSigmoid", [&](Net& net, ValueId x) { return net.op("Div", {cut(net, x), net.number(6)}); });
}

TEST(FuseActivations, OtherThingsStay) {
  // Another value, another slope, another bound, another reader.
  expect_becomes("Sigmoid Neg Mul", [](Net& net, ValueId x) {
    const ValueId gate = net.op("Sigmoid", {x});
    return net.op("Mul", {net.op("Neg", {x}), gate});
  });
  expect_becomes("HardSigmoid Mul", [](Net& net, ValueId x) { return net.op("Mul", {x, net.op("HardSigmoid", {x})}); });
  expect_becomes("Add Clip Div", [](Net& net, ValueId x) {
    return net.op("Div",
                  {net.op("Clip", {net.op("Add", {x, net.number(3)}), net.number(0), net.number(5)}), net.number(6)});
  });
  expect_becomes("Sigmoid Mul Add", [](Net& net, ValueId x) {
    const ValueId gate = net.op("Sigmoid", {x});
    return net.op("Add", {net.op("Mul", {x, gate}), gate});
  });
}

/// Checks that the pass of GELU makes the tanh form of 0.5 * x * (1 + Tanh(argument)).
template <typename Build>
void expect_tanh_gelu(const std::string& ops, const Build& argument) {
  Net net;
  const ValueId x = net.input("x", {3, 40});
  const ValueId gate = net.op("Add", {net.op("Tanh", {argument(net, x)}), net.number(1)});
  net.output(net.op("Mul", {net.op("Mul", {x, net.number(0.5F)}), gate}));
  infer_shapes(net.graph);
  Graph after = net.graph;
  apply(after, {&passes::fuse_gelu});
  EXPECT_EQ(testing::ops_of(after), ops);
  expect_same(net.graph, after, {random_tensor(Shape{3, 40}, 1, -8.0F, 8.0F)}, 1e-6);
}

TEST(FuseGelu, TanhInEverySpelling) {
  const auto cubic = [](Net& net, ValueId x, ValueId cube) {
    const ValueId sum = net.op("Add", {x, net.op("Mul", {cube, net.number(0.044715F)})});
    return net.op("Mul", {sum, net.number(0.7978845608F)});
  };
  expect_tanh_gelu("Gelu", [&](Net& net, ValueId x) { return cubic(net, x, net.op("Pow", {x, net.number(3)})); });
  expect_tanh_gelu("Gelu", [&](Net& net, ValueId x) {
    return cubic(net, x, net.op("Mul", {x, net.op("Mul", {x, x})}));
  });
  expect_tanh_gelu("Gelu", [](Net& net, ValueId x) {
    const ValueId square = net.op("Mul", {net.op("Mul", {x, net.number(0.044715F)}), x});
    const ValueId slope = net.op("Add", {square, net.number(1)});
    return net.op("Mul", {net.op("Mul", {x, net.number(0.7978845608F)}), slope});
  });
  // Another coefficient is another function.
  expect_tanh_gelu("Mul Add Mul Tanh Add Mul Mul", [](Net& net, ValueId x) {
    const ValueId square = net.op("Mul", {x, x});
    return net.op("Mul", {x, net.op("Add", {square, net.number(1)})});
  });
}

TEST(FuseEpilogue, EveryActivationOfAConvolution) {
  const auto fused = [](const std::string& op, std::vector<float> bounds, const Attributes& attributes) {
    Net net;
    const ValueId x = net.input("x", {1, 8, 6, 6});
    const ValueId y = net.op("FusedConv", {x, net.weight(Shape{8, 8, 1, 1})}, {{"activation", std::string("none")}});
    std::vector<ValueId> inputs{y};
    for (const float bound : bounds) inputs.push_back(net.number(bound));
    net.output(net.op(op, inputs, attributes));
    infer_shapes(net.graph);
    Graph after = net.graph;
    apply(after, {&passes::fuse_epilogue});
    EXPECT_EQ(testing::ops_of(after), "FusedConv") << op;
    expect_same(net.graph, after, {random_tensor(Shape{1, 8, 6, 6}, 1, -3.0F, 3.0F)});
    return testing::activation_of(after.nodes.back());
  };
  EXPECT_EQ(fused("Clip", {0, 6}, {}), "clip");
  EXPECT_EQ(fused("Clip", {}, {{"max", 1.0F}}), "clip");
  EXPECT_EQ(fused("Sigmoid", {}, {}), "sigmoid");
  EXPECT_EQ(fused("HardSigmoid", {}, {{"alpha", 0.3F}}), "hard_sigmoid");
  EXPECT_EQ(fused("HardSwish", {}, {}), "hard_swish");
  EXPECT_EQ(fused("Swish", {}, {{"alpha", 1.5F}}), "swish");
  EXPECT_EQ(fused("Gelu", {}, {{"approximate", std::string("tanh")}}), "gelu_tanh");
}

TEST(PoolMeans, OverThePixelsOfAnImage) {
  for (const std::int64_t keepdims : {0, 1}) {
    Net net;
    const ValueId x = net.input("x", {2, 5, 4, 3});
    net.output(net.op("ReduceMean", {x}, {{"axes", testing::ints({-1, 2})}, {"keepdims", keepdims}}));
    infer_shapes(net.graph);
    Graph after = net.graph;
    apply(after, {&passes::pool_means});
    EXPECT_EQ(testing::ops_of(after), keepdims != 0 ? "GlobalAveragePool" : "GlobalAveragePool Flatten");
    expect_same(net.graph, after, {random_tensor(Shape{2, 5, 4, 3}, 1)}, 1e-6);
  }
  Net net;
  const ValueId x = net.input("x", {2, 5, 4, 3});
  net.output(net.op("ReduceMean", {x}, {{"axes", testing::ints({1, 2})}}));
  infer_shapes(net.graph);
  apply(net.graph, {&passes::pool_means});
  EXPECT_EQ(testing::ops_of(net.graph), "ReduceMean");
}

}  // namespace
}  // namespace tessera
