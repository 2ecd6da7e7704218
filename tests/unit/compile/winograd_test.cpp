// 3x3 convolutions in int8 by every algorithm: the bits of the direct sum, also of the largest numbers, and no F(4x4)
// where sums could be too large for it.
#include <cstring>
#include <functional>
#include <random>

#include "compile/product/winograd_weights.hpp"
#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::Insists;
using testing::Net;
using testing::same_bits;
using testing::tiers_here;

struct WinogradLayer {
  std::int64_t batch, channels, height, width, filters;
  std::vector<std::int64_t> pads;  ///< top, left, bottom, right
  int zero_point;
  std::function<int(std::int64_t c, std::int64_t h, std::int64_t w)> pixel;
  std::function<int(std::int64_t n, std::int64_t c, std::int64_t tap)> weight;
  std::int64_t stride = 1;

  [[nodiscard]] Tensor pixels() const {
    Tensor tensor(DataType::u8, Shape{batch, channels, height, width});
    std::byte* to = tensor.mutable_data();
    for (std::int64_t i = 0; i < batch * channels; ++i)
      for (std::int64_t h = 0; h < height; ++h)
        for (std::int64_t w = 0; w < width; ++w) *to++ = static_cast<std::byte>(pixel(i % channels, h, w));
    return tensor;
  }
  [[nodiscard]] Tensor taps() const {
    Tensor tensor(DataType::s8, Shape{filters, channels, 3, 3});
    std::byte* to = tensor.mutable_data();
    for (std::int64_t n = 0; n < filters; ++n)
      for (std::int64_t c = 0; c < channels; ++c)
        for (std::int64_t tap = 0; tap < 9; ++tap) *to++ = static_cast<std::byte>(weight(n, c, tap));
    return tensor;
  }
};

/// The layer with scales of one.
Net net_of(const WinogradLayer& layer, const Tensor& taps) {
  Net net;
  const ValueId x = net.input("x", {layer.batch, layer.channels, layer.height, layer.width}, DataType::u8);
  net.graph.value(x).quantization = Quantization{{1.0F}, {layer.zero_point}, -1};
  const ValueId w = net.constant(taps);
  net.graph.value(w).quantization = Quantization{{1.0F}, {0}, -1};
  net.output(
      net.op("FusedConv", {x, w}, {{"pads", layer.pads}, {"strides", std::vector<std::int64_t>(2, layer.stride)}}));
  infer_shapes(net.graph);
  return net;
}

/// The definition, in integers.
Tensor direct_sums(const WinogradLayer& layer, const Tensor& pixels, const Tensor& taps) {
  const std::int64_t out_h = (layer.height + layer.pads[0] + layer.pads[2] - 3) / layer.stride + 1;
  const std::int64_t out_w = (layer.width + layer.pads[1] + layer.pads[3] - 3) / layer.stride + 1;
  Tensor sums(DataType::f32, Shape{layer.batch, layer.filters, out_h, out_w});
  auto* to = reinterpret_cast<float*>(sums.mutable_data());
  const auto* const x = reinterpret_cast<const std::uint8_t*>(pixels.data());
  const auto* const w = reinterpret_cast<const std::int8_t*>(taps.data());
  for (std::int64_t i = 0; i < sums.shape().elements(); ++i) {
    const std::int64_t n = i / (out_h * out_w) % layer.filters, image = i / (out_h * out_w * layer.filters);
    std::int64_t sum = 0;
    for (std::int64_t c = 0; c < layer.channels; ++c) {
      for (std::int64_t tap = 0; tap < 9; ++tap) {
        const std::int64_t h = i / out_w % out_h * layer.stride + tap / 3 - layer.pads[0];
        const std::int64_t at = i % out_w * layer.stride + tap % 3 - layer.pads[1];
        if (h < 0 || h >= layer.height || at < 0 || at >= layer.width) continue;
        sum += (x[((image * layer.channels + c) * layer.height + h) * layer.width + at] - layer.zero_point) *
               w[(n * layer.channels + c) * 9 + tap];
      }
    }
    to[i] = static_cast<float>(sum);
  }
  return sums;
}

std::string kernel_of(const Plan& plan) {
  for (const auto& step : plan.steps)
    if (step->info.gflop > 0) return step->info.kernel;
  return "none";
}

/// Whether this way serves a layer on this tier; `large_tiles`: whether F(4x4) may.
bool serves(const std::string& way, Isa isa, bool large_tiles) {
  if (way == "direct") return true;
  if (has_tiles(isa)) return false;
  return way.starts_with("winograd 4x4") ? large_tiles : !has_int8_dot(isa);
}

/// By each algorithm, on every tier and for several numbers of threads.
void expect_exact(const WinogradLayer& layer, bool large_tiles) {
  const Tensor pixels = layer.pixels(), taps = layer.taps(), expected = direct_sums(layer, pixels, taps);
  const Net net = net_of(layer, taps);
  for (const Isa isa : tiers_here()) {
    std::vector<std::string> ways = {"winograd 4x4", "winograd 4x4 from taps", "winograd 2x2", "direct"};
    if (layer.stride == 2) ways = {"winograd 2x2 stride 2", "direct"};
    for (const std::string& way : ways) {
      SCOPED_TRACE(std::string(name_of(isa)) + ", " + way);
      Insists chooser(way);
      WeightStore weights;
      const auto plan = make_plan(net.graph, isa, weights, 1, &chooser);
      if (way != "direct") {
        EXPECT_EQ(kernel_of(*plan).ends_with(way), serves(way, isa, large_tiles)) << kernel_of(*plan);
      }
      for (const int threads : {1, 2, 3}) {
        Executor executor(plan, threads, {});
        std::memcpy(executor.inputs()[0].data, pixels.data(), pixels.bytes());
        executor.infer();
        Tensor actual(DataType::f32, expected.shape());
        std::memcpy(actual.mutable_data(), executor.outputs()[0].data, actual.bytes());
        EXPECT_TRUE(same_bits(actual, expected));
      }
    }
  }
}

const auto everywhere = [](int value) { return [value](std::int64_t, std::int64_t, std::int64_t) { return value; }; };

TEST(IntegerWinograd, LargestSums) {
  // 9 * 112 * 128 * 255 is 2 % below 2^25.
  for (const int weight : {127, -127, -128})
    expect_exact({1, 112, 9, 11, 32, {1, 1, 1, 1}, 0, everywhere(255), everywhere(weight)}, true);
}

TEST(IntegerWinograd, LargestTransformedNumbers) {
  // Signs along each row and column, as the transforms have them at their most unfavourable.
  const auto board = [](std::int64_t c, std::int64_t h, std::int64_t w) { return (h + w + c) % 2 == 0 ? 255 : 0; };
  const auto stripes = [](std::int64_t c, std::int64_t h, std::int64_t w) { return (c % 2 == 0 ? h : w) % 2 * 255; };
  const auto quarters = [](std::int64_t, std::int64_t h, std::int64_t w) { return (h / 2 + w / 2) % 2 == 0 ? 255 : 0; };
  const auto taps = [](std::int64_t n, std::int64_t, std::int64_t tap) { return (n + tap) % 2 == 0 ? 127 : -128; };
  for (const auto& pixel : {std::function<int(std::int64_t, std::int64_t, std::int64_t)>(board), {stripes}, {quarters}})
    expect_exact({1, 80, 10, 13, 16, {1, 1, 1, 1}, 255, pixel, taps}, true);
}

TEST(IntegerWinograd, RandomNumbersAndAnyBorder) {
  std::mt19937 random(11);
  const auto pixel = [&](std::int64_t, std::int64_t, std::int64_t) { return static_cast<int>(random() % 256); };
  const auto weight = [&](std::int64_t, std::int64_t, std::int64_t) { return static_cast<int>(random() % 256) - 128; };
  expect_exact({2, 48, 13, 17, 48, {1, 1, 1, 1}, 128, pixel, weight}, true);
  expect_exact({3, 16, 7, 5, 80, {0, 2, 1, 0}, 7, pixel, weight}, true);
  expect_exact({1, 144, 30, 31, 16, {2, 0, 0, 2}, 200, pixel, weight}, true);
}

/// More channels than are transformed together, and more tiles than one block has.
TEST(IntegerWinograd, ManyChannelsAndTiles) {
  std::mt19937 random(12);
  const auto pixel = [&](std::int64_t, std::int64_t, std::int64_t) { return static_cast<int>(random() % 256); };
  const auto weight = [&](std::int64_t, std::int64_t, std::int64_t) { return static_cast<int>(random() % 41) - 20; };
  expect_exact({1, 288, 5, 5, 16, {1, 1, 1, 1}, 9, pixel, weight}, true);
  expect_exact({1, 16, 33, 37, 16, {1, 1, 1, 1}, 9, pixel, weight}, true);
}

TEST(IntegerWinograd, Stride2) {
  std::mt19937 random(13);
  const auto pixel = [&](std::int64_t, std::int64_t, std::int64_t) { return static_cast<int>(random() % 256); };
  const auto weight = [&](std::int64_t, std::int64_t, std::int64_t) { return static_cast<int>(random() % 256) - 128; };
  expect_exact({2, 48, 14, 17, 48, {1, 1, 1, 1}, 128, pixel, weight, 2}, false);
  expect_exact({3, 16, 7, 5, 80, {0, 2, 1, 0}, 7, pixel, weight, 2}, false);
  expect_exact({1, 144, 30, 31, 16, {2, 0, 0, 2}, 200, pixel, weight, 2}, false);
  // The largest transformed numbers: even pixels of either sign around the one in the middle; and the largest sums.
  const auto edges = [](std::int64_t, std::int64_t h, std::int64_t w) { return h / 2 % 2 == w / 2 % 2 ? 255 : 0; };
  expect_exact({1, 80, 13, 13, 16, {1, 1, 1, 1}, 0, edges, everywhere(-128), 2}, false);
  expect_exact({1, 112, 9, 11, 32, {1, 1, 1, 1}, 0, everywhere(255), everywhere(-128), 2}, false);
}

TEST(IntegerWinograd, SumsThatCouldBeTooLargeAreNotForLargeTiles) {
  // 9 * 128 * 127 * 255 passes 2^25, as one column of many or in parts of one sign.
  expect_exact({1, 128, 9, 11, 32, {1, 1, 1, 1}, 0, everywhere(255), everywhere(127)}, false);
  expect_exact({1,
                128,
                9,
                11,
                32,
                {1, 1, 1, 1},
                3,
                everywhere(255),
                [](std::int64_t n, std::int64_t, std::int64_t) { return n == 17 ? -127 : 1; }},
               false);
  expect_exact({1,
                256,
                9,
                11,
                16,
                {1, 1, 1, 1},
                3,
                [](std::int64_t c, std::int64_t, std::int64_t) { return c % 2 == 0 ? 255 : 0; },
                [](std::int64_t, std::int64_t c, std::int64_t) { return c % 2 == 0 ? 127 : -127; }},
               false);
}

TEST(IntegerWinograd, MostSumIsThatOfTheWorstColumn) {
  Tensor weights(DataType::s8, Shape{2, 1, 3, 3});
  const std::int8_t values[18] = {5, -3, 0, 0, 0, 0, 0, 0, 2, -9, 1, 0, 0, 0, 0, 0, 0, -1};
  std::memcpy(weights.mutable_data(), values, sizeof values);
  WeightStore store;
  EXPECT_EQ(most_sum(store, weights), 255 * 10);
}

/// Tiles of bytes multiply many times as fast as words: nothing there may leave them.
TEST(IntegerWinograd, IsNotOfferedBesideTileInstructions) {
  const WinogradLayer layer{1, 64, 28, 28, 64, {1, 1, 1, 1}, 0, everywhere(1), everywhere(1)};
  const Net net = net_of(layer, layer.taps());
  WeightStore weights;
  Insists chooser("winograd 4x4");
  const auto plan = make_plan(net.graph, Isa::avx512_core_amx, weights, 1, &chooser);
  EXPECT_TRUE(kernel_of(*plan).starts_with("avx512_core_amx-u8s8")) << kernel_of(*plan);
}

}  // namespace
}  // namespace tessera
