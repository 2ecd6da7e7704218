// A product and the depthwise convolution behind it, joined: the bits of the two one after the other, on every tier and
// for any number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cpu/topology.hpp"
#include "passes/bf16.hpp"
#include "run/steps/depth_first_step.hpp"
#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::ints;
using testing::Net;
using testing::random_tensor;
using testing::run_plan;
using testing::same_bits;
using testing::tiers_here;

constexpr std::int64_t narrow = 5, wide = 48;

struct JoinedLayer {
  std::int64_t batch, kernel, stride, dilation, pad;
  std::string activation;
};
const JoinedLayer joined_layers[] = {{1, 3, 1, 1, 1, "swish"}, {2, 3, 2, 1, 1, "relu"}, {1, 5, 1, 1, 2, "hard_swish"},
                                     {1, 3, 1, 2, 2, "relu"},  {2, 3, 1, 1, 0, "relu"}, {1, 1, 2, 1, 0, "relu"}};

/// An edge that makes the image between the layers, of elements of `bytes` bytes, an eighth larger than L2 for each
/// item of a batch.
std::int64_t edge_of(std::int64_t bytes) {
  std::int64_t edge = 24;
  while (edge * edge * wide * bytes < static_cast<std::int64_t>(l2_bytes_of_a_core()) * 9 / 8) ++edge;
  return edge;
}

/// 1x1 to `wide` channels, then depthwise, then back to `narrow` ones; `shows` also returns what lies between the first
/// two, which then has to be whole.
Net net_of(const JoinedLayer& layer, std::int64_t edge, bool shows) {
  Net net;
  const ValueId x = net.input("x", {layer.batch, narrow, edge, edge});
  const ValueId middle = net.op("FusedConv", {x, net.weight(Shape{wide, narrow, 1, 1}), net.weight(Shape{wide})},
                                {{"activation", layer.activation}, {"activation_first", 1.0F}});
  const ValueId y =
      net.op("FusedConv", {middle, net.weight(Shape{wide, 1, layer.kernel, layer.kernel}), net.weight(Shape{wide})},
             {{"group", wide},
              {"pads", std::vector<std::int64_t>(4, layer.pad)},
              {"strides", ints({layer.stride, layer.stride})},
              {"dilations", ints({layer.dilation, layer.dilation})},
              {"activation", std::string("relu")}});
  net.output(net.op("FusedConv", {y, net.weight(Shape{narrow, wide, 1, 1})}, {}));
  if (shows) net.output(middle);
  infer_shapes(net.graph);
  return net;
}

std::shared_ptr<const Plan> plan_of(const Graph& graph, Isa isa) {
  WeightStore weights;
  return make_plan(graph, isa, weights);
}

std::int64_t joined_steps(const Plan& plan) {
  return std::ranges::count_if(
      plan.steps, [](const auto& step) { return dynamic_cast<const DepthFirstStep*>(step.get()) != nullptr; });
}

void expect_same(const Graph& joined, const Graph& apart, const Tensor& pixels) {
  for (const Isa isa : tiers_here()) {
    ASSERT_EQ(joined_steps(*plan_of(joined, isa)), 1) << name_of(isa);
    ASSERT_EQ(joined_steps(*plan_of(apart, isa)), 0) << name_of(isa);
    WeightStore weights;
    const Tensor expected = run_plan(apart, {pixels}, isa, 1, weights).front();
    for (const int threads : {1, 2, 5})
      EXPECT_TRUE(same_bits(expected, run_plan(joined, {pixels}, isa, threads, weights).front()))
          << name_of(isa) << ' ' << threads;
  }
}

TEST(DepthFirst, GivesTheBitsOfTwoSteps) {
  const std::int64_t edge = edge_of(sizeof(float));
  for (const JoinedLayer& layer : joined_layers) {
    const Tensor pixels = random_tensor(Shape{layer.batch, narrow, edge, edge}, 5);
    expect_same(net_of(layer, edge, false).graph, net_of(layer, edge, true).graph, pixels);
  }
}

TEST(DepthFirst, Bf16) {
  const std::int64_t edge = edge_of(2);
  Graph joined = net_of(joined_layers[1], edge, false).graph, apart = net_of(joined_layers[1], edge, true).graph;
  convert_to_bf16(joined);
  convert_to_bf16(apart);
  expect_same(joined, apart, random_tensor(Shape{joined_layers[1].batch, narrow, edge, edge}, 6));
}

Quantization scales_of(std::int64_t channels) {
  Quantization scales{{}, {}, 0};
  for (std::int64_t c = 0; c < channels; ++c) {
    scales.scale.push_back(0.001F * static_cast<float>(1 + c % 5));
    scales.zero_point.push_back(0);
  }
  return scales;
}

Tensor random_bytes(DataType type, const Shape& shape, unsigned seed) {
  Tensor bytes(type, shape);
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < bytes.bytes(); ++i) bytes.mutable_data()[i] = static_cast<std::byte>(random() >> 24U);
  return bytes;
}

/// The same two layers on u8 codes whose zero points are not 0, so that the padding is not either.
Net quantized_net(std::int64_t edge, bool shows) {
  Net net;
  const ValueId x = net.input("x", {1, narrow, edge, edge}, DataType::u8);
  net.graph.value(x).quantization = Quantization{{0.02F}, {121}, -1};
  const ValueId expand = net.constant(random_bytes(DataType::s8, Shape{wide, narrow, 1, 1}, 7));
  const ValueId taps = net.constant(random_bytes(DataType::s8, Shape{wide, 1, 3, 3}, 8));
  net.graph.value(expand).quantization = net.graph.value(taps).quantization = scales_of(wide);
  const ValueId middle = net.op("FusedConv", {x, expand, net.weight(Shape{wide})}, {});
  const ValueId y = net.op("FusedConv", {middle, taps, net.weight(Shape{wide})},
                           {{"group", wide}, {"pads", std::vector<std::int64_t>(4, 1)}});
  net.output(y);
  if (shows) net.output(middle);
  infer_shapes(net.graph);
  for (const ValueId id : {middle, y}) net.graph.value(id).type = DataType::u8;
  net.graph.value(middle).quantization = Quantization{{0.05F}, {90}, -1};
  net.graph.value(y).quantization = Quantization{{0.1F}, {101}, -1};
  return net;
}

TEST(DepthFirst, IntegersAreTheSameOnEveryTier) {
  const std::int64_t edge = edge_of(1);
  const Net joined = quantized_net(edge, false), apart = quantized_net(edge, true);
  const Tensor pixels = random_bytes(DataType::u8, Shape{1, narrow, edge, edge}, 9);
  WeightStore plain;
  const Tensor expected = run_plan(apart.graph, {pixels}, Isa::avx2, 1, plain).front();
  std::int64_t joins = 0;
  for (const Isa isa : tiers_here()) {
    // AVX2 may multiply by lists of matched groups, which another step does.
    joins += joined_steps(*plan_of(joined.graph, isa));
    WeightStore weights;
    for (const int threads : {1, 3})
      EXPECT_TRUE(same_bits(expected, run_plan(joined.graph, {pixels}, isa, threads, weights).front()))
          << name_of(isa) << ' ' << threads;
  }
  EXPECT_GT(joins, 0);
}

TEST(DepthFirst, NeedsLessMemory) {
  const std::int64_t edge = edge_of(sizeof(float));
  const Isa isa = tiers_here().front();
  const auto joined = plan_of(net_of(joined_layers[0], edge, false).graph, isa),
             apart = plan_of(net_of(joined_layers[0], edge, true).graph, isa);
  const auto between = static_cast<std::size_t>(edge * edge * wide) * sizeof(float);
  EXPECT_LT(joined->arena_bytes + between / 2, apart->arena_bytes);
  EXPECT_LT(joined->scratch_bytes, l2_bytes_of_a_core());
}

TEST(DepthFirst, AnImageThatFitsL2StaysWhole) {
  for (const Isa isa : tiers_here())
    EXPECT_EQ(joined_steps(*plan_of(net_of(joined_layers[0], 24, false).graph, isa)), 0) << name_of(isa);
}

}  // namespace
}  // namespace tessera
