// LayerNormalization against the double-precision reference, within a bound that follows from its roundings.
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using LayerNormKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(LayerNormKernel);

constexpr float epsilon = 1e-5F;

/// What the error of one element depends on: the row's mean magnitude and deviation.
struct RowStatistics {
  double mean = 0.0, magnitude = 0.0, deviation = 0.0;
};

RowStatistics statistics(Slice& x, std::int64_t r, std::int64_t n) {
  RowStatistics s;
  for (std::int64_t i = 0; i < n; ++i) s.mean += x.get(r, i), s.magnitude += std::fabs(x.get(r, i));
  s.mean /= static_cast<double>(n), s.magnitude /= static_cast<double>(n);
  for (std::int64_t i = 0; i < n; ++i) s.deviation += std::pow(x.get(r, i) - s.mean, 2);
  s.deviation = std::sqrt(s.deviation / static_cast<double>(n) + epsilon);
  return s;
}

/// A sum rounds n / 16 times in a lane and 4 times across, the mean once more. Errors of the mean and of that sum of
/// squares reach the deviation, each product and the final addition round once; 1.1 covers the products of errors.
double layer_norm_error(const RowStatistics& s, double x, double gamma, double y, std::int64_t n) {
  const double additions = static_cast<double>(n / 16) + 6.0;
  const double mean_error = additions * f32_unit * s.magnitude;
  const double difference = std::fabs(x - s.mean);
  const double deviation_error = mean_error / s.deviation + (additions + 3.0) * f32_unit / 2.0 + 3.0 * f32_unit;
  const double normal_error = (mean_error + difference * (deviation_error + 3.0 * f32_unit)) / s.deviation;
  return 1.1 * (std::fabs(gamma) * normal_error + 2.0 * f32_unit * std::fabs(y));
}

TEST_P(LayerNormKernel, EveryTypeAndTail) {
  std::mt19937 random(1);
  constexpr std::int64_t rows = 3;
  const Requantize q{0.03F, 125};
  for (const DataType x_type : {DataType::f32, DataType::bf16}) {
    for (const DataType y_type : vector_types) {
      for (const std::int64_t n : row_lengths({768, 1024, 3072})) {
        Slice x(x_type, rows, n, 8), y(y_type, rows, n, 4), exact(DataType::f32, rows, n);
        Slice gamma(DataType::f32, 1, n), beta(DataType::f32, 1, n);
        x.fill(random, -2.0F, 3.0F);
        gamma.fill(random, -1.5F, 1.5F);
        beta.fill(random, -1.0F, 1.0F);
        LayerNormCall call;
        call.x = x.in();
        call.gamma = reinterpret_cast<const float*>(gamma.data());
        call.beta = n % 2 == 0 ? nullptr : reinterpret_cast<const float*>(beta.data());
        call.epsilon = epsilon, call.rows = rows, call.n = n;
        call.y = y.out(q);
        kernels().layer_norm(call);
        ASSERT_TRUE(y.surroundings_untouched());
        call.y = exact.out();
        reference_vector_kernels().layer_norm(call);
        for (std::int64_t r = 0; r < rows; ++r) {
          const RowStatistics s = statistics(x, r, n);
          for (std::int64_t i = 0; i < n; ++i) {
            const double error = layer_norm_error(s, x.get(r, i), gamma.get(0, i), exact.get(r, i), n);
            ASSERT_TRUE(stored_near(y_type, y.get(r, i), exact.get(r, i), error, q)) << "n " << n << " i " << i;
          }
        }
      }
    }
  }
}

TEST_P(LayerNormKernel, TwoPassesSurviveALargeMean) {
  // sum(x^2) / n - mean^2 would lose every digit of the variance here.
  constexpr std::int64_t n = 64;
  Slice x(DataType::f32, 1, n), y = x, gamma = x;
  for (std::int64_t i = 0; i < n; ++i) {
    x.set(0, i, i % 2 ? 100001.0F : 99999.0F);
    gamma.set(0, i, 1.0F);
  }
  kernels().layer_norm({x.in(), y.out(), reinterpret_cast<const float*>(gamma.data()), nullptr, 0.0F, true, 1, n});
  for (std::int64_t i = 0; i < n; ++i) EXPECT_EQ(y.get(0, i), i % 2 ? 1.0 : -1.0);
}

TEST(LayerNormReference, KnownValues) {
  // Mean 3, variance 8: (1 - 3) / sqrt 8 = -sqrt 2 / 2 and so on.
  const float values[] = {1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 7.0F, 1.0F, 11.0F};
  Slice x(DataType::f32, 1, 8), y = x, gamma = x, beta = x;
  double squares = 0.0;
  for (int i = 0; i < 8; ++i) {
    x.set(0, i, values[i]), gamma.set(0, i, 2.0F), beta.set(0, i, 1.0F);
    squares += (values[i] - 3.0) * (values[i] - 3.0);
  }
  const auto floats = [](Slice& s) { return reinterpret_cast<const float*>(s.data()); };
  reference_vector_kernels().layer_norm({x.in(), y.out(), floats(gamma), floats(beta), 0.0F, true, 1, 8});
  for (int i = 0; i < 8; ++i)
    EXPECT_NEAR(y.get(0, i), (values[i] - 3.0) / std::sqrt(squares / 8) * 2.0 + 1.0, 8 * f32_unit);
}

}  // namespace
}  // namespace tessera
