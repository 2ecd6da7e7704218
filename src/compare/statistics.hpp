// What a list of measured times says: percentiles, mean, and how sure we are of the median.
//
// Percentiles interpolate linearly between the two closest ranks (Hyndman and Fan's type 7, NumPy's default).
// Intervals are percentile bootstraps with a fixed seed: the same samples always give the same interval.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera {

struct Interval {
  double low = 0, high = 0;
};

struct Summary {
  double min = 0, p10 = 0, p50 = 0, p90 = 0, p99 = 0, max = 0, mean = 0;
  Interval ci95;  ///< of the median
};

/// The value below which `fraction` (0..1) of the sorted samples lie. `sorted` must not be empty.
double percentile_of_sorted(std::span<const double> sorted, double fraction) noexcept;

/// The median; reorders nothing. Error{invalid} without samples.
double median(std::span<const double> samples);

/// All figures of a report row. Error{invalid} without samples.
Summary summarize(std::span<const double> samples, std::uint64_t seed = 1);

/// 95 % interval of the median.
Interval median_interval(std::span<const double> samples, std::uint64_t seed = 1);

/// 95 % interval of median(numerator) / median(denominator). Sample i of both was taken in the same round, so rounds
/// are resampled as pairs and drift that slows both cancels; lists of different length are resampled independently.
Interval ratio_interval(std::span<const double> numerator, std::span<const double> denominator, std::uint64_t seed = 1);

}  // namespace tessera
