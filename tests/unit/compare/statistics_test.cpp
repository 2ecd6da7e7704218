#include "compare/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/error.hpp"

namespace tessera {
namespace {

TEST(Statistics, PercentilesInterpolateBetweenClosestRanks) {
  const std::vector<double> sorted = {1, 2, 3, 4};
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 1.0), 4.0);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(std::vector<double>{7}, 0.99), 7.0);
}

TEST(Statistics, MedianOfOddAndEvenCountsLeavesSamplesAlone) {
  const std::vector<double> odd = {9, 1, 5};
  EXPECT_DOUBLE_EQ(median(odd), 5.0);
  EXPECT_EQ(odd, (std::vector<double>{9, 1, 5}));
  EXPECT_DOUBLE_EQ(median(std::vector<double>{4, 1, 3, 2}), 2.5);
}

TEST(Statistics, SummaryOfKnownSamples) {
  std::vector<double> samples;
  for (int i = 100; i >= 0; --i) samples.push_back(i);
  const Summary summary = summarize(samples);
  EXPECT_DOUBLE_EQ(summary.min, 0);
  EXPECT_DOUBLE_EQ(summary.p10, 10);
  EXPECT_DOUBLE_EQ(summary.p50, 50);
  EXPECT_DOUBLE_EQ(summary.p90, 90);
  EXPECT_DOUBLE_EQ(summary.p99, 99);
  EXPECT_DOUBLE_EQ(summary.max, 100);
  EXPECT_DOUBLE_EQ(summary.mean, 50);
  EXPECT_LE(summary.ci95.low, summary.p50);
  EXPECT_GE(summary.ci95.high, summary.p50);
  EXPECT_GT(summary.ci95.high, summary.ci95.low);
}

TEST(Statistics, IntervalIsRepeatableAndFollowsTheSeed) {
  std::mt19937 random(3);
  std::vector<double> samples(200);
  for (double& value : samples) value = 1.0 + 0.1 * static_cast<double>(random() % 1000) / 1000;
  const Interval first = median_interval(samples, 5);
  const Interval again = median_interval(samples, 5);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  const Interval other = median_interval(samples, 6);
  EXPECT_TRUE(other.low != first.low || other.high != first.high);
}

TEST(Statistics, IntervalOfEqualSamplesHasNoWidth) {
  const std::vector<double> samples(50, 2.5);
  const Interval interval = median_interval(samples);
  EXPECT_EQ(interval.low, 2.5);
  EXPECT_EQ(interval.high, 2.5);
}

// Of 200 intervals from samples with known median, about 95 % hold it. The count is binomial with standard deviation
// sqrt(200 * 0.95 * 0.05) = 3.1; the bootstrap of a median is slightly liberal, so five deviations are left below.
TEST(Statistics, IntervalCoversTheTrueMedian) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> uniform(0, 1);
  int covered = 0;
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    std::vector<double> samples(101);
    for (double& value : samples) value = uniform(random);
    const Interval interval = median_interval(samples, trial + 1);
    covered += interval.low <= 0.5 && 0.5 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(covered, 174);
}

TEST(Statistics, RatioOfPairedRoundsCancelsDrift) {
  std::vector<double> slow;
  std::vector<double> fast;
  for (int round = 0; round < 300; ++round) {
    const double drift = 1.0 + 0.01 * round;  // the machine gets four times slower
    slow.push_back(30 * drift);
    fast.push_back(10 * drift);
  }
  const Interval ratio = ratio_interval(slow, fast);
  EXPECT_NEAR(ratio.low, 3.0, 1e-12);
  EXPECT_NEAR(ratio.high, 3.0, 1e-12);
}

TEST(Statistics, RatioOfListsOfDifferentLength) {
  const std::vector<double> slow(40, 6.0);
  const std::vector<double> fast(7, 2.0);
  const Interval ratio = ratio_interval(slow, fast);
  EXPECT_EQ(ratio.low, 3.0);
  EXPECT_EQ(ratio.high, 3.0);
}

TEST(Statistics, NoSamplesIsAnError) {
  EXPECT_THROW(summarize({}), Error);
  EXPECT_THROW(median({}), Error);
  EXPECT_THROW(ratio_interval(std::vector<double>{1}, {}), Error);
}

}  // namespace
}  // namespace tessera
