#include "kernels/brgemm/overflow.hpp"

#include <algorithm>
#include <vector>

namespace tessera {
namespace {

constexpr std::int64_t group_k = 4;

/// The most that the positive weights of a sum may be together, and the negative ones: 255 * 128 fits 16 bits.
constexpr std::int16_t most = 128;

/// Of each pair of weights that are multiplied and added together: the sum of its positive ones, and minus that of its
/// negative ones.
using PairSums = std::vector<std::int16_t>;

void sum_pairs(const std::int8_t* weights, PairSums& positive, PairSums& negative) {
  for (std::size_t i = 0; i < positive.size(); ++i) {
    const int first = weights[2 * i], second = weights[2 * i + 1];
    positive[i] = static_cast<std::int16_t>(std::max(first, 0) + std::max(second, 0));
    negative[i] = static_cast<std::int16_t>(-std::min(first, 0) - std::min(second, 0));
  }
}

std::int16_t largest(const PairSums& sums) {
  std::int16_t largest = 0;
  for (const std::int16_t sum : sums) largest = std::max(largest, sum);
  return largest;
}

std::int16_t largest_of_both(const PairSums& sums, const PairSums& next) {
  std::int16_t largest = 0;
  for (std::size_t i = 0; i < sums.size(); ++i)
    largest = std::max(largest, static_cast<std::int16_t>(sums[i] + next[i]));
  return largest;
}

}  // namespace

void mark_overflows(const BrgemmKernel& kernel, const std::byte* panel, std::int64_t groups, std::uint8_t* marks) {
  const auto* weights = reinterpret_cast<const std::int8_t*>(panel);
  const auto pairs = static_cast<std::size_t>(kernel.nr) * 2;
  PairSums positive(pairs), negative(pairs), next_positive(pairs), next_negative(pairs);
  if (groups > 0) sum_pairs(weights, positive, negative);
  for (std::int64_t g = 0; g < groups; ++g) {
    weights += group_k * kernel.nr;
    if (g + 1 < groups) {
      sum_pairs(weights, next_positive, next_negative);
    } else {
      std::ranges::fill(next_positive, std::int16_t{0});
      std::ranges::fill(next_negative, std::int16_t{0});
    }
    const std::int16_t in_pairs = std::max(largest(positive), largest(negative));
    const std::int16_t in_fours =
        std::max(largest_of_both(positive, next_positive), largest_of_both(negative, next_negative));
    marks[g] = static_cast<std::uint8_t>((in_fours > most ? overflow::in_fours : 0) |
                                         (in_pairs > most ? overflow::in_pairs : 0));
    positive.swap(next_positive);
    negative.swap(next_negative);
  }
}

}  // namespace tessera
