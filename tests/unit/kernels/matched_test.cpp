// Products of bytes by lists of matched groups (kernels/matched): lists hold each weight once and nothing that could
// leave 16 bits, whatever the weights; kernels make the sums of plain loops and write nothing else.
#include <algorithm>
#include <array>
#include <numeric>

#include "kernels/matched/match.hpp"
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using Column = std::vector<std::int8_t>;
using Lists = std::vector<MatchedGroups>;

Lists match(const Column& column) {
  const auto groups = static_cast<int>(column.size() / matched::group_k);
  Lists lists(static_cast<std::size_t>(2 * groups + 1));
  lists.resize(static_cast<std::size_t>(matched::match_column(column.data(), groups, lists.data())));
  return lists;
}

/// Each weight stands in the lists once, where it was in the column.
void expect_complete(const Column& column, const Lists& lists) {
  std::vector<int> found(column.size()), times(column.size());
  for (const MatchedGroups& groups : lists) {
    for (int half = 0; half < 2; ++half) {
      for (std::size_t i = 0; i < matched::group_k; ++i) {
        const std::size_t at = groups.group[half] * std::size_t{matched::group_k} + i;
        ASSERT_LT(at, column.size());
        found[at] += groups.weights[half][i];
        times[at] += groups.weights[half][i] != 0 ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(found, std::vector<int>(column.begin(), column.end()));
  EXPECT_LE(*std::ranges::max_element(times), 1);
}

/// Of the four products that 16 bits hold, the largest and the least with any u8 fit, and so do the two that one
/// instruction adds.
void expect_to_fit(const Lists& lists) {
  for (const MatchedGroups& groups : lists) {
    for (std::size_t pair = 0; pair < matched::group_k; pair += 2) {
      int positive = 0, negative = 0;
      for (int half = 0; half < 2; ++half) {
        for (const int weight : {groups.weights[half][pair], groups.weights[half][pair + 1]})
          (weight > 0 ? positive : negative) += 255 * weight;
      }
      EXPECT_LE(positive, INT16_MAX);
      EXPECT_GE(negative, INT16_MIN);
    }
  }
}

void expect_good_lists(const Column& column) {
  const Lists lists = match(column);
  expect_complete(column, lists);
  expect_to_fit(lists);
}

Column random_column(std::mt19937& random, std::size_t k, int most) {
  Column column(k);
  for (std::int8_t& weight : column)
    weight = static_cast<std::int8_t>(static_cast<int>(random() % static_cast<unsigned>(2 * most + 1)) - most);
  return column;
}

TEST(MatchedGroups, HoldEachWeightOnceAndFitSixteenBits) {
  std::mt19937 random(1);
  for (const std::size_t k : {4U, 8U, 20U, 64U, 512U})
    for (const int most : {1, 30, 64, 90, 127}) expect_good_lists(random_column(random, k, most));
}

TEST(MatchedGroups, OfTheLargestWeights) {
  for (const int weight : {-128, -127, 127})
    for (const std::size_t k : {4U, 16U, 100U}) expect_good_lists(Column(k, static_cast<std::int8_t>(weight)));
  expect_good_lists({-128, 127, 127, -128, -128, -128, 127, 127, 1, -1, -128, 0});
  expect_good_lists({64, 65, 0, 0, 64, 64, 0, 0, 0, 0, -64, -65});
}

TEST(MatchedGroups, SmallWeightsTakeHalfAsManyStepsAsGroups) {
  std::mt19937 random(2);
  Column column = random_column(random, 256, 31);
  for (std::int8_t& weight : column) weight = static_cast<std::int8_t>(weight == 0 ? 1 : weight);
  EXPECT_EQ(match(column).size(), 32U);
}

/// As quantizers make them: what does not match is rare, which is the point of all this.
TEST(MatchedGroups, WeightsOfEightBitsMatchNearlyAsOften) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 127.0F / 3.5F);
  Column column(512);
  std::size_t steps = 0;
  constexpr std::size_t columns = 50;
  for (std::size_t i = 0; i < columns; ++i) {
    for (std::int8_t& weight : column)
      weight = static_cast<std::int8_t>(std::clamp(std::round(normal(random)), -127.0F, 127.0F));
    steps += match(column).size();
  }
  EXPECT_LT(static_cast<double>(steps), 1.12 * columns * 512 / 8);
}

TEST(MatchedGroups, ZerosAreLeftOut) {
  EXPECT_TRUE(match(Column(64, 0)).empty());
  EXPECT_TRUE(match({}).empty());
}

/// The kernels of all tiers that have some and can run here.
std::vector<const MatchedBytes*> kernels_here() {
  std::vector<const MatchedBytes*> kernels;
  for (const VectorKernels& tier : all_vector_kernels())
    if (tier.matched_bytes != nullptr && !why_unavailable(cpu_features(), tier.isa))
      kernels.push_back(tier.matched_bytes);
  EXPECT_FALSE(kernels.empty());
  return kernels;
}

using Bytes = std::vector<std::byte>;

Bytes random_bytes(std::mt19937& random, std::size_t count) {
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

TEST(MatchedKernel, InterleavesRows) {
  std::mt19937 random(4);
  for (const MatchedBytes* kernels : kernels_here()) {
    for (int vectors = 1; vectors <= most_matched_vectors; ++vectors) {
      for (const std::int64_t groups : {1, 7, 8, 21, 32}) {
        const Bytes x = random_bytes(random, 8192 + 64);
        std::vector<const std::byte*> rows(static_cast<std::size_t>(vectors) * 8);
        for (const std::byte*& row : rows) row = x.data() + random() % (8192 - 256);
        const auto run = [&](const MatchedBytes& tier) {
          Bytes y(static_cast<std::size_t>((groups + 7) / 8 * 8 * vectors * 32 + 64), std::byte{0xa5});
          tier.interleave({rows.data(), vectors, 5, groups, y.data() + 32});
          return y;
        };
        EXPECT_EQ(run(*kernels), run(*reference_vector_kernels().matched_bytes)) << vectors << " " << groups;
      }
    }
  }
}

/// A panel of columns of one kind each, from ones without weights to the largest.
struct Panel {
  Lists lists;
  std::array<std::uint32_t, matched_columns + 1> starts{};

  Panel(std::mt19937& random, std::size_t k) {
    for (std::size_t column = 0; column < matched_columns; ++column) {
      const Lists more = match(random_column(random, k, static_cast<int>(column * 127 / (matched_columns - 1))));
      lists.insert(lists.end(), more.begin(), more.end());
      starts[column + 1] = static_cast<std::uint32_t>(lists.size());
    }
  }
};

TEST(MatchedKernel, MakesTheSumsOfPlainLoops) {
  std::mt19937 random(5);
  for (const MatchedBytes* kernels : kernels_here()) {
    for (int vectors = 1; vectors <= most_matched_vectors; ++vectors) {
      for (const std::size_t k : {4U, 36U, 512U}) {
        const Panel panel(random, k);
        for (const bool all_largest : {false, true}) {
          Bytes a = random_bytes(random, k * static_cast<std::size_t>(vectors) * 8);
          if (all_largest) std::ranges::fill(a, std::byte{255});
          const Bytes before = random_bytes(random, static_cast<std::size_t>(vectors) * 8 * matched_columns * 4);
          for (const bool first : {false, true}) {
            const auto run = [&](const MatchedBytes& tier) {
              Bytes sums(before.size() + 64, std::byte{0xa5});
              std::ranges::copy(before, sums.begin() + 32);
              tier.multiply({a.data(), vectors, panel.lists.data(), panel.starts.data(), sums.data() + 32, first});
              return sums;
            };
            EXPECT_EQ(run(*kernels), run(*reference_vector_kernels().matched_bytes)) << vectors << " " << k << first;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace tessera
