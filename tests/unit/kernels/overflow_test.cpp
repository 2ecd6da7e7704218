// Marks of what could overflow 16 bits (kernels/brgemm/overflow.hpp), and the kernels that read them where weights are
// just small enough, just too large, or of all kinds.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "cpu/features.hpp"
#include "unit/kernels/brgemm_support.hpp"

namespace tessera::testing {
namespace {

const BrgemmKernel& kernel() {
  return *find_brgemm(DataType::u8, DataType::s8, Isa::avx2);
}

class Overflow : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(reads_overflows(kernel()));
    if (const auto reason = why_unavailable(cpu_features(), kernel().isa)) GTEST_SKIP() << *reason;
  }
};

/// The marks of one panel, [k] for its last column and zeros elsewhere.
std::vector<std::uint8_t> marks_of(const std::vector<std::int8_t>& column) {
  const auto k = static_cast<std::int64_t>(column.size());
  const std::vector<std::int64_t> segment_k = {k};
  std::vector<std::byte> packed(packed_b_bytes(kernel(), segment_k, kernel().nr));
  std::vector<std::int8_t> plain(column.size() * static_cast<std::size_t>(kernel().nr));
  for (std::size_t i = 0; i < column.size(); ++i)
    plain[(i + 1) * static_cast<std::size_t>(kernel().nr) - 1] = column[i];
  pack_b(kernel(), {reinterpret_cast<const std::byte*>(plain.data()), DataType::s8, k, kernel().nr, kernel().nr, 1},
         segment_k, packed.data());
  std::vector<std::uint8_t> marks((column.size() + 3) / 4);
  mark_overflows(kernel(), packed.data(), static_cast<std::int64_t>(marks.size()), marks.data());
  return marks;
}

using Marks = std::vector<std::uint8_t>;

TEST_F(Overflow, MarksStartWhereASumLeavesSixteenBits) {
  constexpr std::uint8_t fours = overflow::in_fours, both = overflow::in_fours | overflow::in_pairs;
  EXPECT_EQ(marks_of({64, 64, 0, 0}), Marks({0}));
  EXPECT_EQ(marks_of({64, 65, 0, 0}), Marks({both}));
  EXPECT_EQ(marks_of({0, 0, -1, -128}), Marks({both}));
  EXPECT_EQ(marks_of({0, 0, 0, -128}), Marks({0}));
  EXPECT_EQ(marks_of({0, 127, 127, 0}), Marks({0})) << "never added in 16 bits";
  EXPECT_EQ(marks_of({127, -128, -128, 127}), Marks({0})) << "signs do not add up";
  EXPECT_EQ(marks_of({32, 32, 0, 0, 32, 32, 0, 0}), Marks({0, 0}));
  EXPECT_EQ(marks_of({32, 32, 0, 0, 32, 33, 0, 0}), Marks({fours, 0}));
  EXPECT_EQ(marks_of({32, 32, 0, 0, 0, 0, 32, 33}), Marks({0, 0})) << "never added in 16 bits";
  EXPECT_EQ(marks_of({0, 0, -64, 0, 0, 0, 0, -64}), Marks({0, 0}));
  EXPECT_EQ(marks_of({0, 0, -64, 0, 0, 0, 0, -65}), Marks({fours, 0}));
  EXPECT_EQ(marks_of({0, 0, 0, 0, 1, 0, 0, 0, 127, 1}), Marks({0, fours, 0})) << "of a group and the next";
  EXPECT_EQ(marks_of({}), Marks());
}

/// Sums at the border of 16 bits, with the largest A: one step further they would wrap.
TEST_F(Overflow, TheFastWayIsExactAtItsLimits) {
  BrgemmOptions o;
  o.n = kernel().nr;
  o.m = kernel().mr + 1;
  o.has_bias = o.has_compensation = false;
  std::vector<float> ones(static_cast<std::size_t>(kernel().nr), 1.0F);
  for (const std::int64_t k : {1, 4, 5, 8, 9, 64, 576}) {
    o.segment_k = {k};
    BrgemmCase problem(kernel(), o);
    problem.epilogue().scale = ones.data();
    problem.fill(255, 32, -32);
    EXPECT_EQ(std::set<std::uint8_t>(problem.marks().begin(), problem.marks().end()), std::set<std::uint8_t>{0});
    const auto c = problem.run();
    for (int m = 0; m < o.m; ++m)
      for (int n = 0; n < o.n; ++n)
        ASSERT_EQ(problem.at<float>(c, m, n), static_cast<float>(k * 255 * (n % 2 == 0 ? 32 : -32))) << "k " << k;
  }
}

/// What the marks are for: without them these weights give other sums.
TEST_F(Overflow, AMissingMarkWouldShow) {
  BrgemmOptions o;
  o.n = kernel().nr;
  o.segment_k = {64};
  for (const std::int8_t weight : {std::int8_t{33}, std::int8_t{127}}) {
    BrgemmCase problem(kernel(), o);
    problem.fill(255, weight, static_cast<std::int8_t>(-weight));
    EXPECT_TRUE(problem.run() == problem.reference());
    std::ranges::fill(problem.marks(), std::uint8_t{0});
    EXPECT_FALSE(problem.run() == problem.reference());
  }
}

TEST_F(Overflow, EveryMixOfWeightsIsExact) {
  std::set<std::uint8_t> seen;
  for (const int most : {10, 24, 40, 64, 80, 127}) {
    for (const auto& segment_k : std::vector<std::vector<std::int64_t>>{{64}, {21, 21, 21}, {4, 12, 7}, {300, 36}}) {
      for (const int m : {1, 3, kernel().mr, 2 * kernel().mr + 1}) {
        BrgemmOptions o;
        o.m = m;
        o.n = 2 * kernel().nr + 3;
        o.segment_k = segment_k;
        o.most_weight = most;
        o.seed = static_cast<unsigned>(most + m);
        BrgemmCase problem(kernel(), o);
        seen.insert(problem.marks().begin(), problem.marks().end());
        EXPECT_TRUE(problem.run() == problem.reference())
            << "weights up to " << most << " m " << m << " first segment " << segment_k.front();
        o.knows_overflows = false;
        EXPECT_TRUE(BrgemmCase(kernel(), o).run() == problem.reference()) << "without marks, up to " << most;
      }
    }
  }
  EXPECT_EQ(seen, std::set<std::uint8_t>({0, overflow::in_fours, overflow::in_fours | overflow::in_pairs}));
}

}  // namespace
}  // namespace tessera::testing
