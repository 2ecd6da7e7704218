// quantize_rows: exact against the reference, guards included.
#include <limits>

#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using QuantizeRowsKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(QuantizeRowsKernel);

struct Result {
  std::vector<std::byte> integers;
  std::vector<float> scales;
};

/// `gap` bytes behind each row of integers stay as they were.
Result run(const VectorKernels& kernels, const RowsIn& x, std::int64_t rows, std::int64_t n, std::int64_t gap = 0) {
  Result result{std::vector<std::byte>(static_cast<std::size_t>(rows * (n + gap) + 64), std::byte{0xa5}),
                std::vector<float>(static_cast<std::size_t>(rows) + 1, -1.0F)};
  kernels.quantize_rows({x, result.integers.data(), result.scales.data(), rows, n, n + gap});
  return result;
}

TEST_P(QuantizeRowsKernel, EveryTailOfFloatAndBfloat16) {
  std::mt19937 random(1);
  for (const DataType type : {DataType::f32, DataType::bf16}) {
    for (const std::int64_t n : row_lengths({768})) {
      Slice x(type, 3, n, 12);
      x.fill(random, -4.0F, 3.0F);
      const Result actual = run(kernels(), x.in(), 3, n), expected = run(reference_vector_kernels(), x.in(), 3, n);
      ASSERT_EQ(actual.integers, expected.integers) << name_of(type) << ", n " << n;
      ASSERT_EQ(actual.scales, expected.scales) << name_of(type) << ", n " << n;
      ASSERT_EQ(run(kernels(), x.in(), 3, n, 64).integers, run(reference_vector_kernels(), x.in(), 3, n, 64).integers)
          << name_of(type) << ", n " << n << ", with gaps";
    }
  }
}

TEST_P(QuantizeRowsKernel, TheLargestElementIsAtTheEdgeAndZeroInTheMiddle) {
  const float values[] = {-2.0F, 0.0F, 2.0F, 1.0F};
  Slice x(DataType::f32, 1, 4);
  for (int i = 0; i < 4; ++i) x.set(0, i, values[i]);
  const Result result = run(kernels(), x.in(), 1, 4);
  EXPECT_EQ(result.scales[0], 2.0F * (1.0F / 127.0F));
  EXPECT_EQ(result.integers[0], std::byte{1});
  EXPECT_EQ(result.integers[1], std::byte{128});
  EXPECT_EQ(result.integers[2], std::byte{255});
  EXPECT_EQ(result.integers[3], std::byte{192});  // 63.5 to the even number
}

TEST_P(QuantizeRowsKernel, ZerosGetTheScaleZeroAndWhatIsNotFiniteTheScaleNaN) {
  for (const float bad : {0.0F, NAN, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    Slice x(DataType::f32, 2, 20);
    for (int i = 0; i < 20; ++i) {
      x.set(0, i, i == 17 ? bad : 0.0F);
      x.set(1, i, static_cast<float>(i));
    }
    const Result result = run(kernels(), x.in(), 2, 20);
    EXPECT_EQ(result.scales[1], 19.0F * (1.0F / 127.0F));
    if (bad == 0.0F) {
      EXPECT_EQ(result.scales[0], 0.0F);
      for (int i = 0; i < 20; ++i) EXPECT_EQ(result.integers[static_cast<std::size_t>(i)], std::byte{128});
    } else {
      EXPECT_TRUE(std::isnan(result.scales[0])) << bad;
    }
  }
}

}  // namespace
}  // namespace tessera
