#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "quantize/histogram.hpp"
#include "quantize/observer.hpp"
#include "quantize/ranges.hpp"

namespace tessera {
namespace {

void show(Observer& observer, const std::vector<float>& elements) {
  observer.add(elements, *std::ranges::min_element(elements), *std::ranges::max_element(elements));
}

std::unique_ptr<Observer> observer_of(CalibrationMethod method, double percentile = 99.99) {
  CalibrationOptions options;
  options.method = method;
  options.percentile = percentile;
  return make_observer(options);
}

/// Roughly normal, by the sum of twelve uniform numbers.
std::vector<float> normal(std::size_t count, std::uint32_t seed, float deviation = 1.0F) {
  std::mt19937 engine(seed);
  std::vector<float> values(count);
  for (float& x : values) {
    x = -6;
    for (int i = 0; i < 12; ++i) x += static_cast<float>(engine() >> 8U) / static_cast<float>(1U << 24U);
    x *= deviation;
  }
  return values;
}

/// Mean squared error of u8 with these parameters, element by element.
double quantization_error(const std::vector<float>& values, const ActivationRange& range) {
  const Quantization q = activation_quantization(range);
  double sum = 0;
  for (const float x : values) {
    const float level = std::clamp(std::nearbyint(x / q.scale[0]) + static_cast<float>(q.zero_point[0]), 0.0F, 255.0F);
    const double error = static_cast<double>((level - static_cast<float>(q.zero_point[0])) * q.scale[0] - x);
    sum += error * error;
  }
  return sum / static_cast<double>(values.size());
}

constexpr CalibrationMethod all_methods[] = {CalibrationMethod::minmax, CalibrationMethod::moving_average,
                                             CalibrationMethod::percentile, CalibrationMethod::entropy,
                                             CalibrationMethod::mse};

TEST(Histogram, CountsEveryElementInItsBinHoweverTheRangeGrew) {
  const std::vector<float> values = normal(2000, 1);
  Histogram together, apart, backwards;
  together.add(values, *std::ranges::min_element(values), *std::ranges::max_element(values));
  for (const float x : values) apart.add(std::span(&x, 1), x, x);
  for (std::size_t i = values.size(); i-- > 0;) backwards.add(std::span(&values[i], 1), values[i], values[i]);
  EXPECT_EQ(together.bins(), apart.bins());
  EXPECT_EQ(together.bins(), backwards.bins());
  std::uint64_t total = 0;
  for (int i = 0; i < 2 * Histogram::half; ++i) {
    const auto inside = std::ranges::count_if(values, [&](float x) {
      return together.edge(i) <= static_cast<double>(x) && static_cast<double>(x) < together.edge(i + 1);
    });
    ASSERT_EQ(together.bins()[static_cast<std::size_t>(i)], static_cast<std::uint64_t>(inside)) << i;
    total += together.bins()[static_cast<std::size_t>(i)];
  }
  EXPECT_EQ(total, values.size());
}

TEST(Histogram, GrowsFromZerosAndOverManyMagnitudes) {
  Histogram histogram;
  const std::vector<float> zeros(3, 0.0F), tiny{1e-30F}, huge{-3e38F};
  histogram.add(zeros, 0, 0);
  histogram.add(tiny, 1e-30F, 1e-30F);
  histogram.add(huge, -3e38F, -3e38F);
  EXPECT_EQ(histogram.bins()[Histogram::half], 4U);
  EXPECT_EQ(histogram.bins()[static_cast<std::size_t>(histogram.first())], 1U);
  EXPECT_GE(-3e38, histogram.edge(histogram.first()));
  EXPECT_LT(-3e38, histogram.edge(histogram.first() + 1));
}

TEST(Observers, AllStayWithinWhatWasSeenAndDoNotDependOnTheRun) {
  for (const CalibrationMethod method : all_methods) {
    const auto first = observer_of(method), second = observer_of(method);
    for (std::uint32_t item = 0; item < 5; ++item) {
      show(*first, normal(4000, item));
      show(*second, normal(4000, item));
    }
    const ActivationRange range = first->range(), again = second->range();
    EXPECT_EQ(range.low, again.low);
    EXPECT_EQ(range.high, again.high);
    EXPECT_EQ(range.seen, 20000) << name_of(method);
    EXPECT_GE(range.low, -6.0F);
    EXPECT_LT(range.low, -1.0F) << name_of(method);
    EXPECT_LE(range.high, 6.0F);
    EXPECT_GT(range.high, 1.0F) << name_of(method);
  }
}

TEST(Observers, AConstantIsItsOwnRange) {
  for (const CalibrationMethod method : all_methods) {
    for (const float constant : {0.0F, 2.5F, -1e-3F}) {
      const auto observer = observer_of(method);
      show(*observer, std::vector<float>(10, constant));
      EXPECT_EQ(observer->range().low, constant) << name_of(method);
      EXPECT_EQ(observer->range().high, constant) << name_of(method);
    }
  }
}

TEST(MovingAverage, IsTheMeanOfTheFirstItemsAndForgetsSlowlyAfterwards) {
  const auto observer = observer_of(CalibrationMethod::moving_average);
  show(*observer, {0, 1});
  show(*observer, {-2, 3});
  EXPECT_FLOAT_EQ(observer->range().low, -1.0F);
  EXPECT_FLOAT_EQ(observer->range().high, 2.0F);
  for (int i = 2; i < 200; ++i) show(*observer, {-1, 2});
  show(*observer, {-1, 102});
  EXPECT_FLOAT_EQ(observer->range().high, 2 + 0.01F * 100);
}

TEST(Percentile, CutsHalfOfTheRestAtEachEnd) {
  std::vector<float> values;
  for (int i = 0; i < 10000; ++i) values.push_back(static_cast<float>(i - 5000) / 5000);
  const auto observer = observer_of(CalibrationMethod::percentile, 90);
  show(*observer, values);
  const float bin = 1.0F / Histogram::half;
  EXPECT_NEAR(observer->range().low, -0.9F, 2 * bin);
  EXPECT_NEAR(observer->range().high, 0.9F, 2 * bin);
}

TEST(Percentile, IgnoresOneOutlierAndMinMaxDoesNot) {
  std::vector<float> values = normal(100000, 3);
  values[50] = 1000.0F;
  const auto percentile = observer_of(CalibrationMethod::percentile), minmax = observer_of(CalibrationMethod::minmax);
  show(*percentile, values);
  show(*minmax, values);
  EXPECT_LT(percentile->range().high, 10.0F);
  EXPECT_EQ(minmax->range().high, 1000.0F);
}

TEST(Mse, ErrsNoMoreThanAnyOtherMethod) {
  // A few elements far out, as behind GELU; what is lost by clipping them is weighed against finer steps.
  std::vector<float> values = normal(50000, 4);
  for (std::size_t i = 0; i < 20; ++i) values[i * 100] = 8.0F + static_cast<float>(i);
  const auto error = [&](CalibrationMethod method) {
    const auto observer = observer_of(method);
    show(*observer, values);
    return quantization_error(values, observer->range());
  };
  const double mse = error(CalibrationMethod::mse);
  for (const CalibrationMethod method : all_methods)
    // Ends are searched in 64 steps, so another method may come upon a place in between.
    EXPECT_LE(mse, error(method) * (1 + 2.0 / 64)) << name_of(method);
  EXPECT_LT(mse, error(CalibrationMethod::minmax));
}

TEST(Entropy, LeavesOutRareOutliersAndKeepsAUniformRange) {
  std::vector<float> values = normal(100000, 5);
  values[7] = 40.0F;
  const auto tailed = observer_of(CalibrationMethod::entropy);
  show(*tailed, values);
  EXPECT_LT(tailed->range().high, 20.0F);
  EXPECT_GT(tailed->range().high, 3.0F);
  std::vector<float> even;
  for (int i = 0; i < 200000; ++i) even.push_back(static_cast<float>(i) / 200000);
  const auto uniform = observer_of(CalibrationMethod::entropy);
  show(*uniform, even);
  EXPECT_GT(uniform->range().high, 0.9F);
}

TEST(CalibrationMethods, HaveNames) {
  for (const CalibrationMethod method : all_methods) EXPECT_EQ(calibration_method_from_name(name_of(method)), method);
  EXPECT_FALSE(calibration_method_from_name("median").has_value());
}

TEST(RangeObserver, NamesWhatNeverChanges) {
  RangeObserver observer;
  const std::vector<float> constant{3, 3, 3}, moving{1, 2, 3};
  observer.observe("layer.mask", Tensor::from<float>(Shape{3}, constant));
  observer.observe("layer.x", Tensor::from<float>(Shape{3}, moving));
  ASSERT_EQ(observer.warnings().size(), 1U);
  EXPECT_NE(observer.warnings()[0].find("layer.mask"), std::string::npos);
}

TEST(RangeObserver, ChannelStatisticsAreThoseOfTheAxis) {
  RangeObserver observer;
  const std::vector<float> values{1, -2, 3, 4, -5, 6};
  observer.observe("x", Tensor::from<float>(Shape{1, 2, 3}, values), 2);
  const ChannelStatistics* last = observer.channels("x");
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->largest, (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(last->mean(1), -3.5);
  EXPECT_EQ(observer.channels("y"), nullptr);
  RangeObserver middle;
  middle.observe("x", Tensor::from<float>(Shape{1, 2, 3}, values), 1);
  EXPECT_EQ(middle.channels("x")->largest, (std::vector<float>{3, 6}));
  EXPECT_EQ(middle.channels("x")->mean(0), 2.0 / 3);
}

}  // namespace
}  // namespace tessera
