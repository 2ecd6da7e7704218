// What no kernel takes in the form it comes in: pools that the kernels do not know, NaN, and plain code in the middle
// of bf16. The result must be that of the nodes one by one.
#include <gtest/gtest.h>

#include <cmath>

#include "passes/bf16.hpp"
#include "unit/engine/support.hpp"

namespace tessera::testing {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

std::vector<Tensor> planned(const Graph& graph, const std::vector<Tensor>& inputs, Isa isa) {
  WeightStore weights;
  return run_plan(graph, inputs, isa, 2, weights);
}

Tensor image(const std::vector<float>& values) {
  return tensor_of<float>(Shape{1, 1, 1, static_cast<std::int64_t>(values.size())}, values);
}

TEST(Fallback, MaxPoolKeepsANanWhereverItStands) {
  Net net;
  net.output(net.op("MaxPool", {net.input("x", {1, 1, 1, 3})}, {{"kernel_shape", ints({1, 3})}}));
  infer_shapes(net.graph);
  for (const Isa isa : tiers_here())
    for (const auto& values : {std::vector{nan, 1.0F, 2.0F}, {1.0F, nan, 2.0F}, {1.0F, 2.0F, nan}}) {
      EXPECT_TRUE(std::isnan(planned(net.graph, {image(values)}, isa)[0].as<float>()[0])) << name_of(isa);
      EXPECT_TRUE(std::isnan(evaluate(net.graph, std::vector{image(values)})[0].as<float>()[0]));
    }
}

TEST(Fallback, AveragePoolDoesNotCountWhatCeilModeAdds) {
  Net net;
  net.output(net.op("AveragePool", {net.input("x", {1, 1, 1, 3})},
                    {{"kernel_shape", ints({1, 2})},
                     {"strides", ints({1, 2})},
                     {"ceil_mode", std::int64_t{1}},
                     {"count_include_pad", std::int64_t{1}}}));
  infer_shapes(net.graph);
  for (const Isa isa : tiers_here()) {
    const Tensor y = planned(net.graph, {image({2, 2, 8})}, isa)[0];
    EXPECT_EQ(y.as<float>()[0], 2.0F);
    EXPECT_EQ(y.as<float>()[1], 8.0F);
  }
}

TEST(Fallback, GlobalAverageOfAVectorIsPlainCode) {
  Net net;
  net.output(net.op("GlobalAveragePool", {net.input("x", {2, 3, 5})}));
  infer_shapes(net.graph);
  const std::vector<Tensor> inputs{random_tensor(Shape{2, 3, 5}, 1)};
  for (const Isa isa : tiers_here())
    EXPECT_TRUE(same_bits(planned(net.graph, inputs, isa)[0], evaluate(net.graph, inputs)[0]));
}

TEST(Fallback, ADilatedPoolBetweenConvolutionsInBf16) {
  Net net;
  const auto conv = [&](ValueId x) {
    return net.op("Conv", {x, net.weight(Shape{16, 16, 1, 1}), net.weight(Shape{16})});
  };
  const ValueId a = conv(net.input("x", {1, 16, 9, 9}));
  const ValueId pooled = net.op("MaxPool", {a}, {{"kernel_shape", ints({3, 3})}, {"dilations", ints({2, 2})}});
  net.output(conv(pooled));
  const std::vector<Tensor> inputs{random_tensor(Shape{1, 16, 9, 9}, 7)};
  const Tensor expected = evaluate(net.graph, inputs)[0];
  run_passes(net.graph, default_passes(), nullptr);
  convert_to_bf16(net.graph);
  infer_shapes(net.graph);
  ASSERT_EQ(net.graph.value(only(net.graph, "MaxPool").outputs[0]).type, DataType::bf16);
  for (const Isa isa : tiers_here()) {
    const Tensor y = planned(net.graph, inputs, isa)[0];
    for (std::size_t i = 0; i < y.as<float>().size(); ++i)
      ASSERT_NEAR(y.as<float>()[i], expected.as<float>()[i], 0.05) << name_of(isa) << " " << i;
  }
}

TEST(Fallback, GemmWithBetaZeroDoesNotReadC) {
  Net net;
  const ValueId x = net.input("x", {1, 1});
  net.output(net.op("Gemm", {x, net.number(2.0F), net.input("c", {1, 1})}, {{"beta", 0.0F}}));
  net.graph.value(net.graph.nodes[0].inputs[1]).constant = tensor_of<float>(Shape{1, 1}, {2.0F});
  infer_shapes(net.graph);
  const std::vector<Tensor> inputs{tensor_of<float>(Shape{1, 1}, {3.0F}), tensor_of<float>(Shape{1, 1}, {nan})};
  EXPECT_EQ(evaluate(net.graph, inputs)[0].as<float>()[0], 6.0F);
  run_passes(net.graph, default_passes(), nullptr);
  for (const Isa isa : tiers_here()) EXPECT_EQ(planned(net.graph, inputs, isa)[0].as<float>()[0], 6.0F);
}

TEST(Fallback, MoreInputsThanPlainCodeTakesAreRefusedByNumber) {
  const auto plan_of_inputs = [](int count) {
    Net net;
    const ValueId x = net.input("x", {2}, DataType::i64);
    net.output(net.op("Max", std::vector<ValueId>(static_cast<std::size_t>(count), x)));
    infer_shapes(net.graph);
    return planned(net.graph, {indices({3, 5})}, Isa::avx2);
  };
  EXPECT_EQ(plan_of_inputs(64)[0].as<std::int64_t>()[1], 5);
  try {
    plan_of_inputs(65);
    FAIL() << "no error";
  } catch (const Error& error) {
    for (const char* part : {"Max", "65 inputs", "64 at most"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Fallback, WhatHasNoElementsNeedsNoStep) {
  Net net;
  const ValueId x = net.input("x", {0, 8}), image = net.input("image", {0, 3, 6, 6});
  const ValueId y = net.op("MatMul", {x, net.weight(Shape{8, 4})});
  const ValueId pixels = net.op("Conv", {image, net.weight(Shape{5, 3, 3, 3}), net.weight(Shape{5})});
  net.output(net.op("Softmax", {y}));
  net.output(net.op("GlobalAveragePool", {net.op("MaxPool", {pixels}, {{"kernel_shape", ints({2, 2})}})}));
  net.output(net.op("ReduceSum", {y}));
  net.output(net.op("Concat", {y, net.constant(random_tensor(Shape{2, 4}, 1))}, {{"axis", std::int64_t{0}}}));
  net.output(net.op("MatMul", {net.input("thin", {2, 0}), net.constant(Tensor(DataType::f32, Shape{0, 3}))}));
  infer_shapes(net.graph);
  const std::vector<Tensor> inputs{random_tensor(Shape{0, 8}, 1), random_tensor(Shape{0, 3, 6, 6}, 2),
                                   random_tensor(Shape{2, 0}, 3)};
  const auto expected = evaluate(net.graph, inputs);
  for (const Isa isa : tiers_here()) {
    const auto got = planned(net.graph, inputs, isa);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(same_bits(got[i], expected[i])) << i;
  }
}

TEST(Fallback, ShapesThatDependOnValuesAreRefusedByName) {
  Net net;
  const ValueId x = net.input("x", {4, 4});
  const ValueId from = net.input("from", {1}, DataType::i64);
  net.output(net.op("Slice", {x, from, net.constant(indices({3})), net.constant(indices({0}))}));
  try {
    bind_shapes(net.graph, {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    for (const char* part : {"node Slice", "input 1 (from)", "output Slice"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tessera::testing
