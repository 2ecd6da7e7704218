// The 16-lane vector and its functions: accuracy against libm in double over all magnitudes, equal bits on every tier,
// and partial loads and stores that touch nothing else.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "cpu/features.hpp"
#include "unit/kernels/simd/probe.hpp"

namespace tessera {
namespace {

const SimdProbe* const probes[] = {&simd_probe_avx2, &simd_probe_avx512_core};
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float smallest_normal = std::numeric_limits<float>::min();
using Lanes = std::array<float, 16>;

class SimdTest : public ::testing::TestWithParam<const SimdProbe*> {
 protected:
  void SetUp() override {
    const auto reason = why_unavailable(cpu_features(), GetParam()->isa);
    if (reason) GTEST_SKIP() << name_of(GetParam()->isa) << ": " << *reason;
  }
  const SimdProbe& simd = *GetParam();
};
INSTANTIATE_TEST_SUITE_P(Tiers, SimdTest, ::testing::ValuesIn(probes),
                         [](const auto& tier) { return std::string(name_of(tier.param->isa)); });

using Function = void (*SimdProbe::*)(const float*, float*);

/// Every 4093rd float of both signs, in steps of 16 lanes: a prime stride, so that all mantissas and exponents are met.
template <class Visit>
void sweep(const SimdProbe& simd, Function function, const Visit& visit) {
  Lanes x, y;
  std::size_t lane = 0;
  for (const std::uint32_t sign : {0U, 0x80000000U}) {
    for (std::uint32_t bits = 0; bits <= 0x7f800000U; bits += 4093) {
      x[lane++] = std::bit_cast<float>(bits | sign);
      if (lane < x.size()) continue;
      (simd.*function)(x.data(), y.data());
      for (lane = 0; lane < x.size(); ++lane) visit(x[lane], y[lane]);
      lane = 0;
    }
  }
}

double ulp(double exact) {
  const auto rounded = static_cast<float>(std::fabs(exact));
  return static_cast<double>(std::nextafter(rounded, infinity)) - rounded;
}

/// The largest error in ulp where x is in [low, high] and the exact result is a finite normal number.
template <class Exact>
double worst_ulp(const SimdProbe& simd, Function function, const Exact& exact, float low, float high) {
  double worst = 0.0;
  sweep(simd, function, [&](float x, float y) {
    const double truth = exact(static_cast<double>(x));
    if (x < low || x > high || std::fabs(truth) < smallest_normal) return;
    if (std::fabs(truth) > std::numeric_limits<float>::max()) return;
    const double error = std::fabs(y - truth) / ulp(truth);
    if (!(error <= worst)) worst = error;  // NaN counts
  });
  return worst;
}

double exact_gelu(double x) {
  return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
}

TEST_P(SimdTest, ExpIsWithinOneUlp) {
  EXPECT_LE(worst_ulp(
                simd, &SimdProbe::exp, [](double x) { return std::exp(x); }, -87.33F, infinity),
            1.0);
}

TEST_P(SimdTest, TanhIsWithinTwoAndAHalfUlp) {
  EXPECT_LE(worst_ulp(
                simd, &SimdProbe::tanh, [](double x) { return std::tanh(x); }, -infinity, infinity),
            2.5);
}

TEST_P(SimdTest, ErfIsWithinTwoAndAHalfUlp) {
  EXPECT_LE(worst_ulp(
                simd, &SimdProbe::erf, [](double x) { return std::erf(x); }, -infinity, infinity),
            2.5);
}

TEST_P(SimdTest, GeluIsWithinThreeUlpAndOnTheLeftWithinThatOfItsOperand) {
  EXPECT_LE(worst_ulp(simd, &SimdProbe::gelu, exact_gelu, 0.0F, std::numeric_limits<float>::max()), 2.7);
  double worst = 0.0, highest = -1.0;
  sweep(simd, &SimdProbe::gelu, [&](float x, float y) {
    if (!(x < 0.0F) || !std::isfinite(x) || std::fabs(x) < smallest_normal) return;
    worst = std::fmax(worst, std::fabs(y - exact_gelu(x)) / (std::fabs(static_cast<double>(x)) * 0x1p-24));
    highest = std::fmax(highest, static_cast<double>(y));
  });
  EXPECT_LE(worst, 2.6);
  EXPECT_LE(highest, 0.0);
}

double exact_sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

TEST_P(SimdTest, SigmoidIsWithinThreeUlp) {
  EXPECT_LE(worst_ulp(simd, &SimdProbe::sigmoid, exact_sigmoid, -87.33F, infinity), 3.0);
}

TEST_P(SimdTest, SwishIsWithinThreeUlp) {
  const auto exact = [](double x) { return x * exact_sigmoid(x); };
  EXPECT_LE(worst_ulp(simd, &SimdProbe::swish, exact, -88.0F, std::numeric_limits<float>::max()), 3.1);
  double worst = 0.0;
  sweep(simd, &SimdProbe::swish, [&](float x, float y) {
    if (x < -88.0F && std::isfinite(x)) worst = std::fmax(worst, std::fabs(y / static_cast<double>(x)));
  });
  EXPECT_LE(worst, 6.1e-39);
}

TEST_P(SimdTest, GeluByTanhIsWithinFourUlpAndOnTheLeftNearItsOperand) {
  const auto exact = [](double x) {
    const double u = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
    return x * exact_sigmoid(2.0 * u);
  };
  EXPECT_LE(worst_ulp(simd, &SimdProbe::gelu_tanh, exact, 0.0F, 1e12F), 4.0);
  double worst = 0.0, highest = -1.0;
  sweep(simd, &SimdProbe::gelu_tanh, [&](float x, float y) {
    if (!(x < 0.0F) || x < -1e12F || std::fabs(x) < smallest_normal) return;
    worst = std::fmax(worst, std::fabs(y - exact(x)) / (std::fabs(static_cast<double>(x)) * 0x1p-21));
    highest = std::fmax(highest, static_cast<double>(y));
  });
  EXPECT_LE(worst, 1.0);
  EXPECT_LE(highest, 0.0);
}

TEST_P(SimdTest, SpecialValues) {
  const Lanes x = {0.0F, -0.0F, infinity, -infinity, NAN, 89.0F, -88.0F, 1000.0F, -1000.0F, 20.0F, -20.0F};
  Lanes exp, erf, gelu, tanh, sigmoid, swish, gelu_tanh;
  simd.exp(x.data(), exp.data());
  simd.erf(x.data(), erf.data());
  simd.gelu(x.data(), gelu.data());
  simd.tanh(x.data(), tanh.data());
  simd.sigmoid(x.data(), sigmoid.data());
  simd.swish(x.data(), swish.data());
  simd.gelu_tanh(x.data(), gelu_tanh.data());
  const std::vector<float> exp_expected = {1, 1, infinity, 0, NAN, infinity, 0, infinity, 0};
  for (const std::size_t i : {0U, 1U, 2U, 3U, 5U, 6U, 7U, 8U}) EXPECT_EQ(exp[i], exp_expected[i]) << x[i];
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_EQ(std::signbit(erf[i]), std::signbit(x[i]));
    EXPECT_EQ(std::signbit(tanh[i]), std::signbit(x[i]));
    EXPECT_EQ(gelu[i], 0.0F);
    EXPECT_EQ(sigmoid[i], 0.5F);
    EXPECT_EQ(swish[i], 0.0F);
    EXPECT_EQ(gelu_tanh[i], 0.0F);
  }
  for (const std::size_t i : {2U, 7U, 9U}) {
    EXPECT_EQ(erf[i], 1.0F);
    EXPECT_EQ(tanh[i], 1.0F);
    EXPECT_EQ(gelu[i], x[i]);
    EXPECT_EQ(sigmoid[i], 1.0F);
    EXPECT_EQ(swish[i], x[i]);
    EXPECT_EQ(gelu_tanh[i], x[i]);
  }
  for (const std::size_t i : {3U, 8U, 10U}) {
    EXPECT_EQ(erf[i], -1.0F);
    EXPECT_EQ(tanh[i], -1.0F);
  }
  for (const std::size_t i : {3U, 8U, 10U}) EXPECT_EQ(gelu[i], 0.0F);
  for (const std::size_t i : {3U, 8U}) {
    EXPECT_EQ(sigmoid[i], 0.0F);
    EXPECT_NEAR(swish[i], 0.0F, 1e-8F);
    EXPECT_NEAR(gelu_tanh[i], 0.0F, 1e-30F);
  }
  for (const Lanes& y : {exp, erf, gelu, tanh, sigmoid, swish, gelu_tanh}) EXPECT_TRUE(std::isnan(y[4]));
}

TEST_P(SimdTest, EveryTierGivesTheSameBits) {
  for (const Function function : {&SimdProbe::exp, &SimdProbe::erf, &SimdProbe::gelu, &SimdProbe::tanh,
                                  &SimdProbe::sigmoid, &SimdProbe::swish, &SimdProbe::gelu_tanh}) {
    std::vector<float> first;
    sweep(simd_probe_avx2, function, [&](float, float y) { first.push_back(y); });
    std::size_t i = 0;
    bool same = true;
    sweep(simd, function, [&](float, float y) {
      const float other = first[i++];
      same = same && (std::bit_cast<std::uint32_t>(y) == std::bit_cast<std::uint32_t>(other) ||
                      (std::isnan(y) && std::isnan(other)));
    });
    EXPECT_TRUE(same);
  }
}

TEST_P(SimdTest, ReductionsFollowOneTree) {
  Lanes x;
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::ldexp(1.0F + 0.37F * static_cast<float>(i), static_cast<int>(i * 7 % 16));
  Lanes tree = x;
  for (std::size_t width = 8; width > 0; width /= 2)
    for (std::size_t i = 0; i < width; ++i) tree[i] += tree[i + width];
  EXPECT_EQ(simd.sum(x.data()), tree[0]);
  EXPECT_NE(std::accumulate(x.begin(), x.end(), 0.0F), tree[0])
      << "these numbers do not tell orders of summation apart";
  for (std::size_t i = 0; i < x.size(); ++i) {
    Lanes one{};
    one[i] = 2.0F;
    EXPECT_EQ(simd.maximum(one.data()), 2.0F) << i;
  }
}

TEST_P(SimdTest, MaxTakesTheSecondOperandWhenEitherIsNan) {
  const Lanes a = {NAN, 1.0F, 0.0F, -0.0F, 2.0F}, b = {1.0F, NAN, -0.0F, 0.0F, 1.0F};
  Lanes y;
  simd.max(a.data(), b.data(), y.data());
  EXPECT_EQ(y[0], 1.0F);
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_TRUE(std::signbit(y[2]));
  EXPECT_FALSE(std::signbit(y[3]));
  EXPECT_EQ(y[4], 2.0F);
}

/// Copies n elements between buffers of exactly n (AddressSanitizer sees an overread) inside a pattern (the test an
/// overwrite).
void check_copy(void (*copy)(const void*, void*, int), std::size_t size) {
  for (int n = 0; n <= 16; ++n) {
    const std::size_t bytes = size * static_cast<std::size_t>(n);
    std::vector<unsigned char> x(bytes), y(bytes + 128, 0xa5);
    x.reserve(1);  // a pointer even for no elements
    for (std::size_t i = 0; i < bytes; ++i) x[i] = static_cast<unsigned char>(i * 11 % 100 + 1);
    copy(x.data(), y.data() + 64, n);
    std::vector<unsigned char> expected(bytes + 128, 0xa5);
    if (n > 0) std::memcpy(expected.data() + 64, x.data(), bytes);
    EXPECT_EQ(y, expected) << n;
  }
}

TEST_P(SimdTest, PartialLoadsAndStoresTouchTheirElementsOnly) {
  check_copy(simd.copy_f32, 4);
  check_copy(simd.copy_bf16, 2);
  check_copy(simd.copy_u8, 1);
}

TEST_P(SimdTest, SignedIntegersWiden) {
  for (int n = 1; n <= 16; ++n) {
    std::vector<std::int8_t> bytes;
    std::vector<std::int32_t> words;
    for (int i = 0; i < n; ++i) {
      bytes.push_back(static_cast<std::int8_t>(-128 + 17 * i));
      words.push_back((i % 2 ? 1 : -1) * (100000 + i));
    }
    Lanes from_bytes, from_words;
    simd.widen_s8(bytes.data(), from_bytes.data(), n);
    simd.widen_s32(words.data(), from_words.data(), n);
    for (std::size_t i = 0; i < 16; ++i) {
      const bool inside = i < static_cast<std::size_t>(n);
      EXPECT_EQ(from_bytes[i], inside ? static_cast<float>(bytes[i]) : 0.0F);
      EXPECT_EQ(from_words[i], inside ? static_cast<float>(words[i]) : 0.0F);
    }
  }
}

}  // namespace
}  // namespace tessera
