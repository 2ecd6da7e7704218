// Entropy: among ranges cut at equal distances from zero, the one whose 256 levels keep the distribution closest to
// what was seen, by the Kullback-Leibler divergence. What a range clips is added to its outermost bins, so clipping has
// its price too. Zeros are left out: every range represents them exactly, and behind a ReLU they would outweigh
// everything else.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "quantize/histogram.hpp"

namespace tessera {
namespace {

constexpr int levels = 256, candidates = 128;

class EntropyObserver final : public HistogramObserver {
  [[nodiscard]] ActivationRange choose(const Histogram& histogram) const override {
    const int zero = Histogram::half;
    const int first = std::min(histogram.first(), zero), last = std::max(histogram.last(), zero);
    int best_first = first, best_last = last;
    double least = std::numeric_limits<double>::infinity();
    const int reach = std::max(zero - first, last - zero);
    for (int i = candidates; i > 0; --i) {
      const int low = std::max(first, zero - reach * i / candidates);
      const int high = std::min(last, zero + reach * i / candidates);
      if (high - low + 1 < 2 * levels) break;  // fewer bins than this cannot tell levels apart
      if (const double d = divergence(histogram, low, high); d < least) {
        least = d;
        best_first = low;
        best_last = high;
      }
    }
    return {static_cast<float>(histogram.edge(best_first)), static_cast<float>(histogram.edge(best_last + 1)), 0};
  }

  static double divergence(const Histogram& histogram, int low, int high) {
    std::vector<double> seen, kept;  // with and without what was clipped
    double below = 0, above = 0;
    for (int i = histogram.first(), last = histogram.last(); i <= last; ++i) {
      const auto count = static_cast<double>(histogram.bins()[static_cast<std::size_t>(i)]);
      if (i < low) below += count;
      if (i > high) above += count;
    }
    for (int i = low; i <= high; ++i)
      kept.push_back(i == Histogram::half ? 0.0 : static_cast<double>(histogram.bins()[static_cast<std::size_t>(i)]));
    seen = kept;
    seen.front() += below;
    seen.back() += above;
    const std::vector<double> quantized = spread_over_levels(kept);
    return relative_entropy(seen, quantized);
  }

  /// Every level's elements, spread evenly over those of its bins that are not empty.
  static std::vector<double> spread_over_levels(const std::vector<double>& kept) {
    const std::size_t bins = kept.size();
    std::vector<double> spread(bins);
    for (std::size_t level = 0; level < levels; ++level) {
      const std::size_t begin = level * bins / levels, end = (level + 1) * bins / levels;
      double sum = 0;
      int occupied = 0;
      for (std::size_t i = begin; i < end; ++i) {
        sum += kept[i];
        occupied += kept[i] > 0 ? 1 : 0;
      }
      for (std::size_t i = begin; i < end; ++i)
        if (kept[i] > 0) spread[i] = sum / occupied;
    }
    return spread;
  }

  static double relative_entropy(const std::vector<double>& p, const std::vector<double>& q) {
    double p_sum = 0, q_sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      p_sum += p[i];
      q_sum += q[i];
    }
    if (p_sum == 0 || q_sum == 0) return std::numeric_limits<double>::infinity();
    // A bin that only clipped elements fill has no counterpart; one element stands for it.
    double divergence = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] == 0) continue;
      divergence += p[i] / p_sum * std::log(p[i] / p_sum / (std::max(q[i], 1.0) / q_sum));
    }
    return divergence;
  }
};

}  // namespace

std::unique_ptr<Observer> make_entropy_observer() {
  return std::make_unique<EntropyObserver>();
}

}  // namespace tessera
