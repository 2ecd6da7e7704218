// Convolutions of small groups, activations and squeeze-and-excite in plans: against evaluate() in f32, the same bits
// on every tier and with any number of threads in int8, and no plain code.
#include <string>

#include "passes/bf16.hpp"
#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::ints;
using testing::Net;
using testing::random_tensor;
using testing::run_plan;
using testing::same_bits;
using testing::tiers_here;

struct DepthwiseLayer {
  std::int64_t channels, group;  ///< channels of a group
  std::int64_t kernel, stride, dilation;
};
constexpr DepthwiseLayer depthwise_layers[] = {{24, 1, 3, 1, 1}, {70, 1, 5, 2, 1}, {32, 4, 3, 1, 1},
                                               {48, 8, 3, 2, 1}, {16, 2, 3, 1, 2}, {130, 1, 7, 1, 1}};

Attributes attributes_of(const DepthwiseLayer& layer) {
  const std::int64_t pad = layer.kernel / 2 * layer.dilation;
  return {{"group", layer.channels / layer.group},
          {"pads", ints({pad, pad, pad, pad})},
          {"strides", ints({layer.stride, layer.stride})},
          {"dilations", ints({layer.dilation, layer.dilation})}};
}

std::string kernels_of(const Graph& graph, Isa isa) {
  WeightStore weights;
  const auto plan = make_plan(graph, isa, weights);
  std::string names;
  for (const auto& step : plan->steps) names += step->info.kernel + " ";
  return names;
}

TEST(PlanDepthwise, EqualsEvaluate) {
  for (const DepthwiseLayer& layer : depthwise_layers) {
    Net net;
    const ValueId x = net.input("x", {2, layer.channels, 13, 11});
    Attributes attributes = attributes_of(layer);
    attributes["activation"] = std::string("hard_swish");
    net.output(net.op("FusedConv",
                      {x, net.weight(Shape{layer.channels, layer.group, layer.kernel, layer.kernel}),
                       net.weight(Shape{layer.channels})},
                      attributes));
    infer_shapes(net.graph);
    const Tensor pixels = random_tensor(Shape{2, layer.channels, 13, 11}, 5);
    const Tensor expected = evaluate(net.graph, std::vector<Tensor>{pixels}).front();
    std::vector<Tensor> first;
    for (const Isa isa : tiers_here()) {
      ASSERT_NE(kernels_of(net.graph, isa).find("depthwise"), std::string::npos);
      for (const int threads : {1, 3}) {
        WeightStore weights;
        const auto y = run_plan(net.graph, {pixels}, isa, threads, weights);
        for (std::int64_t i = 0; i < expected.shape().elements(); ++i) {
          const auto at = static_cast<std::size_t>(i);
          ASSERT_NEAR(y[0].as<float>()[at], expected.as<float>()[at], 2e-5) << name_of(isa) << ' ' << layer.channels;
        }
        if (first.empty()) first = y;
        EXPECT_TRUE(same_bits(first[0], y[0])) << name_of(isa);
      }
    }
  }
}

/// u8 in, s8 weights with a scale a channel, u8 out.
Net quantized(const DepthwiseLayer& layer, bool clips) {
  Net net;
  const ValueId x = net.input("x", {1, layer.channels, 9, 10}, DataType::u8);
  net.graph.value(x).quantization = Quantization{{0.02F}, {121}, -1};
  Tensor taps(DataType::s8, Shape{layer.channels, layer.group, layer.kernel, layer.kernel});
  std::mt19937 random(7);
  for (std::size_t i = 0; i < taps.bytes(); ++i) taps.mutable_data()[i] = static_cast<std::byte>(random() >> 24U);
  const ValueId w = net.constant(taps);
  Quantization scales{{}, {}, 0};
  for (std::int64_t c = 0; c < layer.channels; ++c) {
    scales.scale.push_back(0.001F * static_cast<float>(1 + c % 5));
    scales.zero_point.push_back(0);
  }
  net.graph.value(w).quantization = scales;
  Attributes attributes = attributes_of(layer);
  if (clips) {
    attributes["activation"] = std::string("clip");
    attributes["activation_first"] = 0.0F;
    attributes["activation_second"] = 6.0F;
  }
  const ValueId y = net.op("FusedConv", {x, w, net.weight(Shape{layer.channels})}, attributes);
  net.output(y);
  infer_shapes(net.graph);
  net.graph.value(y).type = DataType::u8;
  net.graph.value(y).quantization = Quantization{{6.0F / 255.0F}, {clips ? 0 : 90}, -1};
  return net;
}

TEST(PlanDepthwise, IntegersAreTheSameOnEveryTierAndThread) {
  for (const DepthwiseLayer& layer : depthwise_layers) {
    for (const bool clips : {false, true}) {
      const Net net = quantized(layer, clips);
      Tensor pixels(DataType::u8, Shape{1, layer.channels, 9, 10});
      std::mt19937 random(9);
      for (std::size_t i = 0; i < pixels.bytes(); ++i)
        pixels.mutable_data()[i] = static_cast<std::byte>(random() >> 24U);
      std::vector<Tensor> first;
      for (const Isa isa : tiers_here()) {
        ASSERT_NE(kernels_of(net.graph, isa).find("depthwise"), std::string::npos);
        for (const int threads : {1, 2, 5}) {
          WeightStore weights;
          const auto y = run_plan(net.graph, {pixels}, isa, threads, weights);
          if (first.empty()) first = y;
          EXPECT_TRUE(same_bits(first[0], y[0])) << name_of(isa) << " threads " << threads;
        }
      }
    }
  }
}

/// A block as EfficientNet has it, as an exporter writes it.
Net squeeze_and_excite() {
  Net net;
  const std::int64_t channels = 24, few = 6;
  const ValueId x = net.input("x", {2, channels, 8, 8});
  const auto silu = [&](ValueId v) { return net.op("Mul", {v, net.op("Sigmoid", {v})}); };
  const auto conv = [&](ValueId v, std::int64_t out, std::int64_t in, std::int64_t kernel, std::int64_t groups) {
    const std::int64_t pad = kernel / 2;
    return net.op("Conv", {v, net.weight(Shape{out, in, kernel, kernel}), net.weight(Shape{out})},
                  {{"group", groups}, {"pads", ints({pad, pad, pad, pad})}});
  };
  const ValueId inner = silu(conv(x, channels, 1, 3, channels));
  const ValueId mean = net.op("ReduceMean", {inner}, {{"axes", ints({2, 3})}});
  const ValueId gate = net.op("Sigmoid", {conv(silu(conv(mean, few, channels, 1, 1)), channels, few, 1, 1)});
  net.output(conv(net.op("Mul", {gate, inner}), 16, channels, 1, 1));
  infer_shapes(net.graph);
  return net;
}

TEST(PlanDepthwise, SqueezeAndExciteHasNoPlainCode) {
  const Net net = squeeze_and_excite();
  const Tensor pixels = random_tensor(Shape{2, 24, 8, 8}, 3);
  const Tensor expected = evaluate(net.graph, std::vector<Tensor>{pixels}).front();
  Graph fused = net.graph;
  run_passes(fused, default_passes(), nullptr);
  for (const Isa isa : tiers_here()) {
    EXPECT_EQ(kernels_of(fused, isa).find("reference"), std::string::npos) << kernels_of(fused, isa);
    WeightStore weights;
    const auto y = run_plan(fused, {pixels}, isa, 2, weights);
    for (std::int64_t i = 0; i < expected.shape().elements(); ++i)
      ASSERT_NEAR(y[0].as<float>()[static_cast<std::size_t>(i)], expected.as<float>()[static_cast<std::size_t>(i)],
                  1e-5);
  }
}

TEST(PlanDepthwise, SqueezeAndExciteInBf16) {
  const Net net = squeeze_and_excite();
  const Tensor pixels = random_tensor(Shape{2, 24, 8, 8}, 3);
  const Tensor expected = evaluate(net.graph, std::vector<Tensor>{pixels}).front();
  Graph fused = net.graph;
  run_passes(fused, default_passes(), nullptr);
  convert_to_bf16(fused);
  infer_shapes(fused);
  EXPECT_EQ(fused.value(testing::only(fused, "FusedGate").outputs[0]).type, DataType::bf16);
  for (const Isa isa : tiers_here()) {
    EXPECT_EQ(kernels_of(fused, isa).find("reference"), std::string::npos) << kernels_of(fused, isa);
    WeightStore weights;
    const auto y = run_plan(fused, {pixels}, isa, 2, weights);
    // Four roundings to bf16 on the way, each of 2^-8 at most.
    for (std::int64_t i = 0; i < expected.shape().elements(); ++i)
      ASSERT_NEAR(y[0].as<float>()[static_cast<std::size_t>(i)], expected.as<float>()[static_cast<std::size_t>(i)],
                  4 * 0x1p-8 * testing::largest(expected));
  }
}

/// Operands that repeat: a bias, positions, a number; and what the kernel leaves to plain code.
TEST(PlanElementwise, OperandsThatRepeat) {
  for (const std::vector<std::int64_t>& extents :
       {ints({5, 7}), ints({1, 5, 7}), ints({7}), ints({1}), ints({3, 1, 7}), ints({3, 5, 1})}) {
    for (const char* op : {"Add", "Sub", "Mul", "Div"}) {
      for (const bool turned : {false, true}) {
        Net net;
        const ValueId x = net.input("x", {3, 5, 7});
        Shape shape;
        for (const std::int64_t extent : extents) shape.push_back(extent);
        const ValueId b = net.constant(random_tensor(shape, 4, 0.5F, 2.0F));
        net.output(net.op(op, turned ? std::vector<ValueId>{b, x} : std::vector<ValueId>{x, b}));
        infer_shapes(net.graph);
        const Tensor numbers = random_tensor(Shape{3, 5, 7}, 6, 0.5F, 2.0F);
        for (const int threads : {1, 4}) {
          WeightStore weights;
          EXPECT_TRUE(same_bits(run_plan(net.graph, {numbers}, Isa::avx2, threads, weights)[0],
                                evaluate(net.graph, std::vector<Tensor>{numbers}).front()))
              << op << ' ' << to_string(shape) << turned;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tessera
