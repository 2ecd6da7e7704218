// Every BRGEMM kernel against the scalar definition. f32, int8 and widened bf16 are compared byte by byte.
#include <gtest/gtest.h>

#include <iostream>
#include <limits>
#include <string>

#include "core/error.hpp"
#include "cpu/features.hpp"
#include "unit/kernels/brgemm_support.hpp"

namespace tessera::testing {
namespace {

bool has_dot_rounding(const BrgemmKernel& kernel) {
  return kernel.a == DataType::bf16 && has_bf16_dot(kernel.isa);
}

class Brgemm : public ::testing::TestWithParam<BrgemmKernel> {
 protected:
  void SetUp() override {
    if (const auto reason = why_unavailable(cpu_features(), kernel().isa))
      GTEST_SKIP() << kernel().name << ": " << *reason;
  }
  static const BrgemmKernel& kernel() { return GetParam(); }
  static BrgemmOptions options() {
    BrgemmOptions o;
    o.small_integers = has_dot_rounding(kernel());
    return o;
  }
  static void expect_identical(const BrgemmOptions& o, const std::string& what) {
    const BrgemmCase problem(kernel(), o);
    EXPECT_TRUE(problem.run() == problem.reference()) << kernel().name << ' ' << what;
  }
};

TEST_P(Brgemm, EveryNumberOfRows) {
  BrgemmOptions o = options();
  o.segment_k = {21, 21};
  for (o.m = 1; o.m <= 2 * kernel().mr + 1; ++o.m) {
    for (const int n : {kernel().nr, 2 * kernel().nr + 3}) {
      o.n = n;
      expect_identical(o, "m " + std::to_string(o.m) + " n " + std::to_string(n));
    }
  }
}

TEST_P(Brgemm, RowsAnywhere) {
  BrgemmOptions o = options();
  o.uneven_rows = true;
  for (const auto& segment_k : std::vector<std::vector<std::int64_t>>{{21, 21, 21}, {64}, {700}, {96, 96, 96}}) {
    o.segment_k = segment_k;
    for (const int m : {2, 3, kernel().mr, 2 * kernel().mr + 3}) {
      o.m = m;
      expect_identical(o, "m " + std::to_string(m) + " first segment " + std::to_string(segment_k.front()));
    }
  }
}

TEST_P(Brgemm, EveryNumberOfColumns) {
  for (const DataType c_type : {DataType::f32, DataType::bf16, DataType::u8}) {
    for (const DataType residual_type : {DataType::f32, DataType::bf16, DataType::u8}) {
      BrgemmOptions o = options();
      o.c_type = c_type;
      o.has_residual = true;
      o.residual_type = residual_type;
      o.rounds_sum = residual_type == c_type;
      o.m = kernel().mr + 1;
      o.segment_k = {12};
      for (o.n = 1; o.n <= kernel().nr; ++o.n) expect_identical(o, "n " + std::to_string(o.n));
    }
  }
}

TEST_P(Brgemm, EveryLengthOfSegments) {
  const std::vector<std::vector<std::int64_t>> lengths = {{1},           {2},
                                                          {3},           {4},
                                                          {5},           {7},
                                                          {8},           {15},
                                                          {16},          {17},
                                                          {31},          {33},
                                                          {64},          {147},
                                                          {576},         {1, 1, 1},
                                                          {3, 3, 3},     {21, 21, 21, 21, 21, 21, 21},
                                                          {127, 1, 129}, {192, 192, 192},
                                                          {255},         {256},
                                                          {257},         {300, 513},
                                                          {1025},        {}};
  for (const auto& segment_k : lengths) {
    BrgemmOptions o = options();
    o.m = kernel().mr + 1;
    o.n = kernel().nr + 3;
    o.segment_k = segment_k;
    expect_identical(o, std::to_string(segment_k.size()) + " segments, first " +
                            std::to_string(segment_k.empty() ? 0 : segment_k.front()));
  }
}

TEST_P(Brgemm, KBlocksGiveTheSameBits) {
  BrgemmOptions o = options();
  o.m = 2 * kernel().mr - 1;
  o.n = 2 * kernel().nr - 1;
  o.has_residual = true;
  for (const auto& segment_k : std::vector<std::vector<std::int64_t>>{{208, 208, 160}, {64, 64, 19}, {21, 21, 21}}) {
    o.segment_k = segment_k;
    o.block_segments = {};
    const BrgemmCase whole(kernel(), o);
    const auto expected = whole.run();
    EXPECT_TRUE(expected == whole.reference());
    for (const auto& blocks : std::vector<std::vector<int>>{{1, 1, 1}, {2, 1}, {1, 2}}) {
      o.block_segments = blocks;
      const BrgemmCase cut(kernel(), o);
      EXPECT_TRUE(cut.run() == expected) << kernel().name << " cut after " << blocks.front();
      EXPECT_TRUE(cut.reference() == expected);
    }
  }
}

TEST_P(Brgemm, EveryEpilogue) {
  BrgemmOptions o = options();
  o.m = kernel().mr;
  o.n = kernel().nr + 5;
  for (o.c_type = DataType::f32; o.c_type <= DataType::u8;
       o.c_type = static_cast<DataType>(static_cast<int>(o.c_type) + 1)) {
    for (const Activation activation : {Activation::none, Activation::relu}) {
      for (int bits = 0; bits < 32; ++bits) {
        o.activation = activation;
        o.has_bias = (bits & 1) != 0;
        o.has_compensation = (bits & 2) != 0;
        o.has_row_scale = (bits & 4) != 0;
        o.has_residual = bits >= 8;
        o.residual_type = bits < 16 ? DataType::f32 : bits < 24 ? DataType::bf16 : DataType::u8;
        expect_identical(o, "epilogue " + std::to_string(bits));
      }
    }
  }
}

TEST_P(Brgemm, CountingInStepsOfTheOutputGivesTheSameBytes) {
  BrgemmOptions o = options();
  o.m = kernel().mr + 1;
  o.segment_k = {64, 32};
  o.c_type = DataType::u8;
  o.residual_type = DataType::u8;
  o.in_steps_of_c = true;
  for (const int n : {5, kernel().nr, kernel().nr + 19}) {
    o.n = n;
    for (int bits = 0; bits < 32; ++bits) {
      o.has_bias = (bits & 1) != 0;
      o.has_compensation = (bits & 2) != 0;
      o.has_residual = bits % 16 >= 4;
      o.rounds_sum = bits % 16 >= 8;
      o.activation = bits % 16 >= 12 ? Activation::relu : Activation::none;
      o.requantize = {1, o.activation == Activation::relu ? 0 : 100};
      o.block_segments.clear();
      if (bits >= 16) o.block_segments = {1, 1};
      expect_identical(o, "epilogue " + std::to_string(bits) + " n " + std::to_string(n));
    }
  }
}

/// Up to 2^30, far beyond where a float has bits for fractions: by every kernel of bytes that this CPU runs.
TEST(BrgemmInStepsOfTheOutput, SumsFarOutsideOfU8AreCut) {
  int kernels = 0;
  for (const BrgemmKernel& kernel : all_brgemm()) {
    if (kernel.a != DataType::u8 || why_unavailable(cpu_features(), kernel.isa)) continue;
    ++kernels;
    BrgemmOptions o;
    o.m = kernel.mr + 1;
    o.n = kernel.nr;
    o.c_type = DataType::u8;
    o.residual_type = DataType::u8;
    o.in_steps_of_c = true;
    o.requantize = {1, 100};
    o.has_residual = true;
    for (const bool rounds_sum : {false, true}) {
      o.rounds_sum = rounds_sum;
      for (const float factor : {0.001F, 1.0F, 30.0F, 500.0F}) {
        BrgemmCase problem(kernel, o);
        const std::vector<float> scale(static_cast<std::size_t>(kernel.nr), factor);
        problem.epilogue().scale = scale.data();
        EXPECT_TRUE(problem.run() == problem.reference()) << kernel.name << " scale " << factor;
      }
    }
  }
  EXPECT_GT(kernels, 0);
}

TEST_P(Brgemm, QuantizedOutputSaturates) {
  BrgemmOptions o = options();
  o.n = kernel().nr;
  o.m = kernel().mr;
  o.c_type = DataType::u8;
  for (const float scale : {1.0F, 1e-4F, 1e-30F}) {
    for (const int zero_point : {0, 128, 255}) {
      o.requantize = {scale, zero_point};
      expect_identical(o, "scale " + std::to_string(scale));
    }
  }
}

TEST_P(Brgemm, TranscendentalActivations) {
  BrgemmOptions o = options();
  o.m = 5;
  o.n = kernel().nr + 1;
  for (const Activation activation : {Activation::gelu, Activation::tanh}) {
    o.activation = activation;
    const BrgemmCase problem(kernel(), o);
    const auto actual = problem.run(), expected = problem.reference();
    for (int m = 0; m < o.m; ++m) {
      for (int n = 0; n < o.n; ++n) {
        const float e = problem.at<float>(expected, m, n);
        // simd/math.hpp promises 3 ulp, an ulp being at most epsilon of the value; left of 0, GELU 2.6 half epsilons of
        // its operand, which is above -5.3 where anything is left of it.
        const float left = activation == Activation::gelu && e <= 0 ? 5.3F : 0;
        EXPECT_NEAR(problem.at<float>(actual, m, n), e,
                    std::numeric_limits<float>::epsilon() * (4 * std::abs(e) + 1.3F * left) + 1e-37);
      }
    }
  }
}

TEST_P(Brgemm, ReluKeepsNaN) {
  if (kernel().a == DataType::u8 || kernel().a == DataType::s16) return;
  BrgemmOptions o = options();
  o.activation = Activation::relu;
  o.n = 3;
  BrgemmCase problem(kernel(), o);
  std::vector<float> bias(static_cast<std::size_t>(kernel().nr), std::numeric_limits<float>::quiet_NaN());
  problem.epilogue().bias = bias.data();
  const auto c = problem.run();
  for (int n = 0; n < o.n; ++n) EXPECT_TRUE(std::isnan(problem.at<float>(c, 0, n)));
}

TEST_P(Brgemm, Int8IsExactAtItsLimits) {
  if (kernel().a != DataType::u8) return;
  BrgemmOptions o = options();
  o.n = kernel().nr;
  o.m = kernel().mr + 2;
  o.has_bias = o.has_compensation = false;
  std::vector<float> ones(static_cast<std::size_t>(kernel().nr), 1.0F);
  for (const std::int64_t k : {1, 2, 3, 4, 5, 63, 64, 576, 4608}) {
    o.segment_k = {k};
    BrgemmCase problem(kernel(), o);
    problem.epilogue().scale = ones.data();
    problem.fill(255, 127, -127);
    const auto c = problem.run();
    for (int m = 0; m < o.m; ++m) {
      for (int n = 0; n < o.n; ++n)
        ASSERT_EQ(problem.at<float>(c, m, n), static_cast<float>(k * 255 * (n % 2 == 0 ? 127 : -127)))
            << kernel().name << " k " << k;
    }
    problem.fill(255, -128, 127);
    EXPECT_TRUE(problem.run() == problem.reference());
  }
}

TEST_P(Brgemm, LongRandomSums) {
  BrgemmOptions o = options();
  o.m = kernel().mr;
  o.n = kernel().nr;
  o.segment_k = {1536, 1536, 1536};
  expect_identical(o, "k 4608");
}

TEST_P(Brgemm, DotProductRoundingIsBounded) {
  if (!has_dot_rounding(kernel())) return;
  BrgemmOptions o;
  o.m = kernel().mr + 1;
  o.n = kernel().nr;
  o.segment_k = {21, 576, 769};
  const BrgemmCase problem(kernel(), o);
  const auto actual = problem.run(), expected = problem.reference();
  // Both sides round at most twice per product and once for the bias: Higham's gamma, on each side.
  const double k = 21 + 576 + 769;
  const double unit = std::numeric_limits<float>::epsilon() / 2;
  const double gamma = (2 * k + 1) * unit / (1 - (2 * k + 1) * unit);
  for (int m = 0; m < o.m; ++m) {
    for (int n = 0; n < o.n; ++n) {
      const double bound = 2 * gamma * (problem.magnitude(m, n) + 1.0);  // |bias| <= 1
      EXPECT_NEAR(problem.at<float>(actual, m, n), problem.at<float>(expected, m, n), bound);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Brgemm, ::testing::ValuesIn(all_brgemm().begin(), all_brgemm().end()),
                         [](const auto& kernel) { return identifier(kernel.param.name); });

TEST(BrgemmTable, SaysWhatThisMachineCovers) {
  std::size_t covered = 0;
  for (const BrgemmKernel& kernel : all_brgemm()) {
    const auto reason = why_unavailable(cpu_features(), kernel.isa);
    if (!reason) ++covered;
    if (reason) std::cout << kernel.name << " not run: " << *reason << '\n';
  }
  std::cout << covered << " of " << all_brgemm().size() << " BRGEMM kernels run on this machine\n";
  EXPECT_GE(covered, 3U) << "not even avx2";
}

TEST(BrgemmTable, NamesDescribeTheKernels) {
  for (const BrgemmKernel& kernel : all_brgemm()) {
    const std::string types =
        std::string(name_of(kernel.a)) + (kernel.a == kernel.b ? "" : std::string(name_of(kernel.b)));
    EXPECT_EQ(kernel.name, std::string(name_of(kernel.isa)) + "-" + types + "-" + std::to_string(kernel.mr) + "x" +
                               std::to_string(kernel.nr));
  }
}

TEST(BrgemmTable, TheHighestTierWithinTheCeilingIsChosen) {
  struct Row {
    Isa ceiling;
    const char *f32, *bf16, *int8;
  };
  const Row rows[] = {
      {Isa::avx2, "avx2-f32-6x16", "avx2-bf16-6x16", "avx2-u8s8-6x16"},
      {Isa::avx2_vnni, "avx2-f32-6x16", "avx2-bf16-6x16", "avx2_vnni-u8s8-6x16"},
      {Isa::avx512_core, "avx512_core-f32-14x32", "avx512_core-bf16-14x32", "avx512_core-u8s8-14x32"},
      {Isa::avx512_core_vnni, "avx512_core-f32-14x32", "avx512_core-bf16-14x32", "avx512_core_vnni-u8s8-14x32"},
      {Isa::avx512_core_bf16, "avx512_core-f32-14x32", "avx512_core_bf16-bf16-14x32", "avx512_core_vnni-u8s8-14x32"},
      {Isa::avx512_core_amx, "avx512_core-f32-14x32", "avx512_core_amx-bf16-32x32", "avx512_core_amx-u8s8-32x32"},
  };
  for (const Row& row : rows) {
    EXPECT_STREQ(find_brgemm(DataType::f32, DataType::f32, row.ceiling)->name, row.f32);
    EXPECT_STREQ(find_brgemm(DataType::bf16, DataType::bf16, row.ceiling)->name, row.bf16);
    EXPECT_STREQ(find_brgemm(DataType::u8, DataType::s8, row.ceiling)->name, row.int8);
  }
  EXPECT_EQ(find_brgemm(DataType::i64, DataType::i64, Isa::avx512_core_amx), nullptr);
}

}  // namespace
}  // namespace tessera::testing
