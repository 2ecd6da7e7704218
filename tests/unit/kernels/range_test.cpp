// range and sum_bytes: exact against the reference, in every tail.
#include <limits>

#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using RangeKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(RangeKernel);

struct Range {
  float low = -1.0F, high = -1.0F;
  bool operator==(const Range&) const = default;
};

Range run(const VectorKernels& kernels, Slice& x, DataType type, std::int64_t n) {
  float range[3] = {-1.0F, -1.0F, -7.0F};
  kernels.range({x.data(), type, n, range});
  EXPECT_EQ(range[2], -7.0F);
  return {range[0], range[1]};
}

TEST_P(RangeKernel, EveryTailOfFloatAndBfloat16) {
  std::mt19937 random(1);
  for (const DataType type : {DataType::f32, DataType::bf16}) {
    for (const std::int64_t n : row_lengths({1000})) {
      Slice x(type, 1, n);
      x.fill(random, -4.0F, 3.0F);
      ASSERT_EQ(run(kernels(), x, type, n), run(reference_vector_kernels(), x, type, n)) << name_of(type) << ' ' << n;
    }
  }
}

TEST_P(RangeKernel, HoldsZeroAndFindsEveryPlace) {
  for (int at = 0; at < 37; ++at) {
    Slice x(DataType::f32, 1, 37);
    for (int i = 0; i < 37; ++i) x.set(0, i, i == at ? 5.0F : 1.0F);
    EXPECT_EQ(run(kernels(), x, DataType::f32, 37), (Range{0.0F, 5.0F})) << at;
    for (int i = 0; i < 37; ++i) x.set(0, i, i == at ? -5.0F : -1.0F);
    EXPECT_EQ(run(kernels(), x, DataType::f32, 37), (Range{-5.0F, 0.0F})) << at;
  }
  Slice nothing(DataType::f32, 1, 1);
  EXPECT_EQ(run(kernels(), nothing, DataType::f32, 0), (Range{0.0F, 0.0F}));
}

TEST_P(RangeKernel, WhatIsNotFiniteGivesNaN) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (const float bad : {NAN, inf, -inf}) {
    for (const int at : {0, 15, 16, 20}) {
      Slice x(DataType::f32, 1, 21);
      for (int i = 0; i < 21; ++i) x.set(0, i, i == at ? bad : 1.0F);
      const Range found = run(kernels(), x, DataType::f32, 21);
      EXPECT_TRUE(std::isnan(found.low) && std::isnan(found.high)) << bad << " at " << at;
    }
  }
}

TEST_P(RangeKernel, SumsOfBytes) {
  std::mt19937 random(2);
  for (const std::int64_t n : row_lengths({0, 4608})) {
    Slice x(DataType::u8, 1, n);
    x.fill(random, 0, 0);
    ASSERT_EQ(kernels().sum_bytes(x.data(), n), reference_vector_kernels().sum_bytes(x.data(), n)) << n;
  }
  std::vector<std::byte> largest(100000, std::byte{255});
  EXPECT_EQ(kernels().sum_bytes(largest.data(), 100000), 25500000);
}

}  // namespace
}  // namespace tessera
