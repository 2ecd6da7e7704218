#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.hpp"
#include "quantize/ranges.hpp"
#include "quantize/weights.hpp"

namespace tessera {
namespace {

Tensor floats(const std::vector<float>& values) {
  return Tensor::from<float>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

TEST(RangeObserver, WidensOverBatches) {
  CalibrationOptions options;
  options.method = CalibrationMethod::minmax;
  RangeObserver observer(options);
  observer.observe("x", floats({1.0F, 2.0F}));
  observer.observe("x", floats({-3.0F, 0.5F}));
  EXPECT_EQ(observer.of("x").low, -3.0F);
  EXPECT_EQ(observer.of("x").high, 2.0F);
  EXPECT_EQ(observer.of("x").seen, 4);
}

TEST(RangeObserver, NamesTheValueThatHoldsNaNOrInfinity) {
  for (const float bad :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    RangeObserver observer;
    try {
      observer.observe("layer3.out", floats({1.0F, bad, 2.0F}));
      FAIL() << "accepted " << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      EXPECT_NE(std::string(error.what()).find("layer3.out"), std::string::npos);
    }
  }
}

TEST(RangeObserver, NeverObservedIsAnError) {
  EXPECT_THROW(static_cast<void>(RangeObserver().of("x")), Error);
}

TEST(ActivationQuantization, RepresentsZeroExactlyAndCoversTheRange) {
  for (const auto& [low, high] : std::vector<std::pair<float, float>>{{-1, 3}, {0, 6}, {2, 5}, {-4, -1}, {0, 0}}) {
    const Quantization q = activation_quantization({low, high, 1});
    const float scale = q.scale[0];
    const auto zero = static_cast<float>(q.zero_point[0]);
    EXPECT_GT(scale, 0.0F);
    EXPECT_GE(zero, 0.0F);
    EXPECT_LE(zero, 255.0F);
    // The zero point is rounded, so an end may lie half a step outside.
    EXPECT_LE(scale * (0 - zero), std::min(low, 0.0F) + 0.5F * scale);
    EXPECT_GE(scale * (255 - zero), std::max(high, 0.0F) - 0.5F * scale);
  }
}

TEST(QuantizeWeights, EveryChannelUsesItsFullRangeAndErrsByAtMostHalfAStep) {
  const std::vector<float> values = {0.1F, -0.5F, 0.25F, 10.0F, -20.0F, 5.0F, 0.0F, 0.0F, 0.0F};
  for (const int axis : {0, 1}) {
    const Tensor weights = Tensor::from<float>(Shape{3, 3}, values);
    const QuantizedWeights q = quantize_weights(weights, axis);
    EXPECT_EQ(q.quantization.axis, axis);
    ASSERT_EQ(q.quantization.scale.size(), 3U);
    for (std::size_t i = 0; i < 9; ++i) {
      const std::size_t channel = axis == 0 ? i / 3 : i % 3;
      const float scale = q.quantization.scale[channel];
      EXPECT_LE(std::fabs(scale * q.values.as<std::int8_t>()[i] - values[i]), 0.5F * scale * (1 + 1e-6F));
    }
  }
  const QuantizedWeights rows = quantize_weights(Tensor::from<float>(Shape{3, 3}, values), 0);
  EXPECT_EQ(rows.values.as<std::int8_t>()[1], -127);
  EXPECT_EQ(rows.values.as<std::int8_t>()[4], -127);
  EXPECT_EQ(rows.quantization.scale[2], 1.0F);
}

}  // namespace
}  // namespace tessera
