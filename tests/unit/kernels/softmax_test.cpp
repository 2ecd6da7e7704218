// Softmax against the double-precision reference, within a bound that follows from its roundings.
#include <limits>

#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using SoftmaxKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(SoftmaxKernel);

/// Relative error of a result when no logit exceeds `largest`: logit, maximum and difference round once each, which the
/// exponential turns into a relative error of at most 4 * largest; the exponential adds 2 units. The sum has the same
/// and its own additions (n / 16 in a lane, 4 across); reciprocal and product add 2.
double softmax_error(double largest, std::int64_t n) {
  const double each = 4.0 * largest + 2.0;
  return f32_unit * (2.0 * each + static_cast<double>(n / 16) + 5.0 + 2.0 + 1.0);
}

/// Exponentials below the normal numbers are flushed to zero.
constexpr double flushed = 1.2e-38;

void expect_close(Slice& y, DataType type, Slice& exact, std::int64_t rows, std::int64_t n, double largest) {
  ASSERT_TRUE(y.surroundings_untouched());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < n; ++i) {
      const double error = softmax_error(largest, n) * exact.get(r, i) + flushed;
      ASSERT_TRUE(stored_near(type, y.get(r, i), exact.get(r, i), error)) << "n " << n << " row " << r << " i " << i;
    }
  }
}

TEST_P(SoftmaxKernel, EveryTailWithAndWithoutMask) {
  std::mt19937 random(1);
  constexpr std::int64_t rows = 3;
  for (const DataType type : {DataType::f32, DataType::bf16}) {
    for (const std::int64_t n : row_lengths({128, 384, 1000, 4096, 4097, 5003})) {
      for (const std::int64_t masks : {std::int64_t{0}, std::int64_t{1}, rows}) {
        Slice x(DataType::f32, rows, n, 20), y(type, rows, n, 12), exact(DataType::f32, rows, n),
            mask(DataType::f32, rows, n);
        x.fill(random, -8.0F, 8.0F);
        mask.fill(random, -2.0F, 2.0F);
        SoftmaxCall call;
        call.x = x.in();
        call.mask = masks == 0 ? nullptr : reinterpret_cast<const float*>(mask.data());
        call.mask_stride = masks == rows ? n : 0;
        call.scale = 0.37F;
        call.rows = rows, call.n = n;
        call.y = y.out();
        kernels().softmax(call);
        call.y = exact.out();
        reference_vector_kernels().softmax(call);
        expect_close(y, type, exact, rows, n, 8.0 * 0.37 + 2.0);
      }
    }
  }
}

TEST_P(SoftmaxKernel, MaskedPositionsAreZero) {
  for (const float masked :
       {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::lowest(), -10000.0F}) {
    for (const std::int64_t n : row_lengths()) {
      Slice x(DataType::f32, 1, n), y = x, mask = x;
      for (std::int64_t i = 0; i < n; ++i) {
        x.set(0, i, 1.0F);
        mask.set(0, i, i == 0 ? 0.0F : masked);
      }
      kernels().softmax({x.in(), y.out(), reinterpret_cast<const float*>(mask.data()), 0, 1.0F, 1, n});
      EXPECT_EQ(y.get(0, 0), 1.0);
      for (std::int64_t i = 1; i < n; ++i) EXPECT_EQ(y.get(0, i), 0.0);
    }
  }
}

TEST_P(SoftmaxKernel, ReadsScoresInBlocks) {
  std::mt19937 random(4);
  constexpr std::int64_t rows = 21, columns = 32;
  for (const std::int64_t n : row_lengths({128, 384})) {
    const std::int64_t blocks = (n + columns - 1) / columns;
    Slice x(DataType::f32, rows, n), blocked(DataType::f32, blocks * rows, columns), y = x, expected = x;
    x.fill(random, -8.0F, 8.0F);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < n; ++i)
        blocked.set(i / columns * rows + r, i % columns, static_cast<float>(x.get(r, i)));
    SoftmaxCall call{x.in(), expected.out(), nullptr, 0, 0.5F, rows, n};
    kernels().softmax(call);
    call.x = blocked.in();
    call.y = y.out();
    call.block_columns = columns;
    call.block_stride = rows * blocked.stride();
    kernels().softmax(call);
    ASSERT_EQ(y.bytes(), expected.bytes()) << n;
  }
}

TEST_P(SoftmaxKernel, WorksInPlace) {
  std::mt19937 random(2);
  for (const std::int64_t n : row_lengths()) {
    Slice x(DataType::f32, 2, n), y = x;
    x.fill(random, -30.0F, 30.0F);
    kernels().softmax({x.in(), y.out(), nullptr, 0, 1.0F, 2, n});
    kernels().softmax({x.in(), x.out(), nullptr, 0, 1.0F, 2, n});
    ASSERT_EQ(x.bytes(), y.bytes());
  }
}

TEST_P(SoftmaxKernel, NanSpoilsItsRowOnly) {
  std::mt19937 random(3);
  Slice x(DataType::f32, 3, 40), y = x;
  x.fill(random, -1.0F, 1.0F);
  x.set(1, 7, NAN);
  kernels().softmax({x.in(), y.out(), nullptr, 0, 1.0F, 3, 40});
  for (std::int64_t i = 0; i < 40; ++i) {
    EXPECT_TRUE(std::isnan(y.get(1, i)));
    EXPECT_FALSE(std::isnan(y.get(0, i)) || std::isnan(y.get(2, i)));
  }
}

TEST(SoftmaxReference, KnownValues) {
  Slice x(DataType::f32, 1, 3), y = x;
  for (int i = 0; i < 3; ++i) x.set(0, i, std::log(static_cast<float>(i + 1)));  // shares of 1 : 2 : 3
  reference_vector_kernels().softmax({x.in(), y.out(), nullptr, 0, 1.0F, 1, 3});
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(y.get(0, i), (i + 1) / 6.0, 2 * f32_unit);
}

}  // namespace
}  // namespace tessera
