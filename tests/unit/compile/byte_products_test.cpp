// The choice between products of bytes and of words where there are no dot-product instructions: what is chosen, and
// that it changes no bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "unit/engine/support.hpp"

namespace tessera::testing {
namespace {

constexpr int zero_point = 7;

/// The same product on integers, for the plan, and on the reals that they stand for, for the reference; scales are 1.
struct Product {
  Net integer, real;
  Tensor bytes, reals;

  Product(const std::string& op, const Shape& x, const Shape& w, int most_weight, const Attributes& attributes)
      : bytes(DataType::u8, x), reals(DataType::f32, x) {
    std::mt19937 random(3);
    Tensor weights(DataType::s8, w), real_weights(DataType::f32, w);
    for (std::size_t i = 0; i < bytes.bytes(); ++i) {
      const auto q = static_cast<std::uint8_t>(random() % 256);
      bytes.mutable_data()[i] = std::byte{q};
      reinterpret_cast<float*>(reals.mutable_data())[i] = static_cast<float>(q - zero_point);
    }
    for (std::size_t i = 0; i < weights.bytes(); ++i) {
      const int q = static_cast<int>(random() % static_cast<unsigned>(2 * most_weight + 1)) - most_weight;
      reinterpret_cast<std::int8_t*>(weights.mutable_data())[i] = static_cast<std::int8_t>(q);
      reinterpret_cast<float*>(real_weights.mutable_data())[i] = static_cast<float>(q);
    }
    const std::vector<std::int64_t> extents(x.begin(), x.end());
    const ValueId ix = integer.input("x", {extents.begin(), extents.end()}, DataType::u8);
    integer.graph.value(ix).quantization = Quantization{{1.0F}, {zero_point}, -1};
    const ValueId iw = integer.constant(weights);
    integer.graph.value(iw).quantization = Quantization{{1.0F}, {0}, -1};
    integer.output(integer.op(op, {ix, iw}, attributes));
    real.output(
        real.op(op, {real.input("x", {extents.begin(), extents.end()}), real.constant(real_weights)}, attributes));
    infer_shapes(integer.graph);
    infer_shapes(real.graph);
  }

  /// The kernel that avx2 uses, when every tier gave the bits of the reference for every number of threads.
  [[nodiscard]] std::string kernel_when_exact() const {
    const Tensor expected = evaluate(real.graph, std::vector{reals})[0];
    for (const Isa isa : tiers_here()) {
      WeightStore weights;
      for (const int threads : {1, 3})
        EXPECT_TRUE(same_bits(run_plan(integer.graph, {bytes}, isa, threads, weights)[0], expected)) << name_of(isa);
    }
    WeightStore weights;
    const auto plan = make_plan(integer.graph, Isa::avx2, weights);
    for (const auto& step : plan->steps)
      if (step->info.gflop > 0) return step->info.kernel;
    return "none";
  }
};

// Sums stay below 2^24, so float arithmetic on them is exact.

TEST(ByteProducts, SmallWeightsAreMultipliedAsBytes) {
  const Attributes none;
  EXPECT_EQ(Product("FusedConv", {1, 96, 9, 7}, {80, 96, 1, 1}, 30, none).kernel_when_exact(), "avx2-u8s8-6x16");
  EXPECT_EQ(Product("FusedMatMul", {1, 40, 700}, {700, 50}, 30, none).kernel_when_exact(), "avx2-u8s8-6x16");
  const Attributes strided{{"strides", std::vector<std::int64_t>{2, 2}},
                           {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
  EXPECT_EQ(Product("FusedConv", {2, 20, 15, 13}, {24, 20, 3, 3}, 30, strided).kernel_when_exact(), "avx2-u8s8-6x16");
  const Attributes grouped{{"group", std::int64_t{3}}};
  EXPECT_EQ(Product("FusedConv", {1, 21, 9, 8}, {60, 7, 3, 3}, 30, grouped).kernel_when_exact(), "avx2-u8s8-6x16");
}

TEST(ByteProducts, GroupsOfLargerWeightsAreMatched) {
  const Attributes none;
  EXPECT_EQ(Product("FusedConv", {1, 96, 9, 7}, {80, 96, 1, 1}, 70, none).kernel_when_exact(), "avx2-u8s8-matched");
  EXPECT_EQ(Product("FusedMatMul", {1, 40, 400}, {400, 50}, 70, none).kernel_when_exact(), "avx2-u8s8-matched");
}

/// Of weights that are all equally frequent, from -127 to 127, most do not fit each other.
TEST(ByteProducts, WhatCannotBeMatchedIsMultipliedAsWords) {
  const Attributes none;
  EXPECT_EQ(Product("FusedConv", {1, 96, 9, 7}, {80, 96, 1, 1}, 127, none).kernel_when_exact(), "avx2-s16-6x16");
  EXPECT_EQ(Product("FusedMatMul", {1, 40, 400}, {400, 50}, 127, none).kernel_when_exact(), "avx2-s16-6x16");
}

TEST(ByteProducts, FewRowsAreNotWorthWidening) {
  EXPECT_EQ(Product("FusedMatMul", {1, 3, 400}, {400, 50}, 127, {}).kernel_when_exact(), "avx2-u8s8-6x16");
}

TEST(ByteProducts, WinogradGivesWayWhereImagesAreSmall) {
  const Attributes padded{{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
  const auto kernel = [&](std::int64_t batch, std::int64_t side, int most_weight) {
    return Product("FusedConv", {batch, 128, side, side}, {128, 128, 3, 3}, most_weight, padded).kernel_when_exact();
  };
  EXPECT_EQ(kernel(1, 7, 30), "avx2-u8s8-6x16");
  EXPECT_EQ(kernel(3, 7, 30), "avx2-u8s8-6x16") << "whatever the batch";
  // Few tiles hardly repay reading four times as many weights: those are made on the way.
  EXPECT_EQ(kernel(1, 7, 100), "avx2-s16-6x16 winograd 4x4 from taps");
  EXPECT_EQ(kernel(1, 14, 30), "avx2-s16-6x16 winograd 4x4 from taps");
  EXPECT_EQ(kernel(3, 14, 30), "avx2-s16-6x16 winograd 4x4 from taps");
  // For many tiles they would be made again and again.
  EXPECT_EQ(kernel(1, 56, 30), "avx2-s16-6x16 winograd 4x4");
}

}  // namespace
}  // namespace tessera::testing
