// The random numbers: the same everywhere, and distributed as promised.
#include "models/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tessera {
namespace {

// Known values pin the sequence: the weights of the built-in models are part of what a release promises. The numbers
// come from SplitMix64 written in another language.
TEST(RandomStream, SequenceIsPinned) {
  EXPECT_EQ(RandomStream(0, "").bits(0), 0xa706dd2f4d197e6fU);
  EXPECT_EQ(RandomStream(0, "").bits(1), 0xb382a305f4414f5eU);
  EXPECT_EQ(RandomStream(1, "conv1.weight").bits(0), 0xe5f50b1329a58dc7U);
  EXPECT_EQ(RandomStream(1, "conv1.weight").normal(0), 701.0F * (1.0F / 53509.92F));
}

TEST(RandomStream, SeedsAndNamesAreApart) {
  EXPECT_NE(RandomStream(1, "a").bits(0), RandomStream(2, "a").bits(0));
  EXPECT_NE(RandomStream(1, "a").bits(0), RandomStream(1, "b").bits(0));
  EXPECT_NE(RandomStream(1, "ab").bits(0), RandomStream(1, "ba").bits(0));
}

// Sample moments of n draws deviate from the true ones by a normal error; five standard errors are exceeded once in 1.7
// million.
TEST(RandomStream, NormalMoments) {
  constexpr int n = 1'000'000;
  const RandomStream stream(7, "moments");
  double sum = 0, squares = 0, cubes = 0, fourths = 0, neighbours = 0, last = 0;
  for (int i = 0; i < n; ++i) {
    const double x = static_cast<double>(stream.normal(static_cast<std::uint64_t>(i)));
    sum += x;
    squares += x * x;
    cubes += x * x * x;
    fourths += x * x * x * x;
    neighbours += x * last;
    last = x;
    ASSERT_LE(std::abs(x), 4.9);
  }
  const double error = 5 / std::sqrt(n);
  EXPECT_NEAR(sum / n, 0, error);
  EXPECT_NEAR(squares / n, 1, error * std::sqrt(2.0));
  EXPECT_NEAR(cubes / n, 0, error * std::sqrt(15.0));
  EXPECT_NEAR(fourths / n, 3 - 1.2 / 8, error * std::sqrt(96.0));  // the sum of n uniforms has kurtosis 3 - 1.2 / n
  EXPECT_NEAR(neighbours / n, 0, error);
}

TEST(RandomStream, UniformAndBounded) {
  const RandomStream stream(7, "uniform");
  double sum = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const float x = stream.uniform(i);
    ASSERT_GE(x, 0.0F);
    ASSERT_LT(x, 1.0F);
    sum += static_cast<double>(x);
    ASSERT_LT(stream.below(3, i), 3);
    ASSERT_GE(stream.below(3, i), 0);
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 5 * std::sqrt(1.0 / 12 / 100'000));
}

TEST(NormalTensor, MeanAndDeviation) {
  const Tensor tensor = normal_tensor(Shape{2, 3}, RandomStream(1, "t"), 0.5F, 2.0F);
  for (std::uint64_t i = 0; i < 6; ++i) EXPECT_EQ(tensor.as<float>()[i], 2.0F + 0.5F * RandomStream(1, "t").normal(i));
}

}  // namespace
}  // namespace tessera
