#include "compare/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "core/error.hpp"

namespace tessera {
namespace {

// 2000 resamples put about 50 of them beyond each end of the interval: enough to read it, and quick at 1000 samples.
constexpr int resamples = 2000;

/// splitmix64: small, seedable, and the same on every platform, unlike the distributions of the standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// Uniform in [0, bound). The high half of a 32x32 product has a bias below bound / 2^32: nothing for a bootstrap.
  std::size_t below(std::size_t bound) noexcept {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t word = state_;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
    return static_cast<std::size_t>(((word >> 32) * bound) >> 32);
  }

 private:
  std::uint64_t state_;
};

/// Median of a scratch list, by partial sorting.
double median_in_place(std::vector<double>& values) {
  const auto upper = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), upper, values.end());
  if (values.size() % 2 == 1) return *upper;
  return 0.5 * (*upper + *std::max_element(values.begin(), upper));
}

Interval central_95(std::vector<double>& estimates) {
  std::sort(estimates.begin(), estimates.end());
  return {percentile_of_sorted(estimates, 0.025), percentile_of_sorted(estimates, 0.975)};
}

void require_samples(std::span<const double> samples) {
  if (samples.empty()) reject("statistics", "there are no samples to summarise", "take at least one");
}

}  // namespace

double percentile_of_sorted(std::span<const double> sorted, double fraction) noexcept {
  const double rank = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (rank - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double median(std::span<const double> samples) {
  require_samples(samples);
  std::vector<double> scratch(samples.begin(), samples.end());
  return median_in_place(scratch);
}

Interval median_interval(std::span<const double> samples, std::uint64_t seed) {
  require_samples(samples);
  Random random(seed);
  std::vector<double> medians(resamples);
  std::vector<double> draw(samples.size());
  for (double& estimate : medians) {
    for (double& value : draw) value = samples[random.below(samples.size())];
    estimate = median_in_place(draw);
  }
  return central_95(medians);
}

Interval ratio_interval(std::span<const double> numerator, std::span<const double> denominator, std::uint64_t seed) {
  require_samples(numerator);
  require_samples(denominator);
  const bool paired = numerator.size() == denominator.size();
  Random random(seed);
  std::vector<double> ratios(resamples);
  std::vector<double> above(numerator.size());
  std::vector<double> below(denominator.size());
  for (double& ratio : ratios) {
    for (std::size_t i = 0; i < above.size(); ++i) {
      const std::size_t round = random.below(above.size());
      above[i] = numerator[round];
      if (paired) below[i] = denominator[round];
    }
    if (!paired)
      for (double& value : below) value = denominator[random.below(below.size())];
    ratio = median_in_place(above) / median_in_place(below);
  }
  return central_95(ratios);
}

Summary summarize(std::span<const double> samples, std::uint64_t seed) {
  require_samples(samples);
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  Summary summary;
  summary.min = sorted.front();
  summary.p10 = percentile_of_sorted(sorted, 0.10);
  summary.p50 = percentile_of_sorted(sorted, 0.50);
  summary.p90 = percentile_of_sorted(sorted, 0.90);
  summary.p99 = percentile_of_sorted(sorted, 0.99);
  summary.max = sorted.back();
  summary.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(sorted.size());
  summary.ci95 = median_interval(samples, seed);
  return summary;
}

}  // namespace tessera
