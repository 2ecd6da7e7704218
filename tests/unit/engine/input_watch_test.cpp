// Numbers that INT8 has no code for are counted and named; in FP32 and BF16 they pass through.
#include "engine/input_watch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "unit/engine/session_support.hpp"

namespace tessera {
namespace {

using testing::SessionTest;

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

TEST(InputWatch, CountsWhatIsNotFinite) {
  EXPECT_EQ(count_non_finite(std::vector<float>{0.0F, -0.0F, 1e-45F, 3.4e38F}), 0);
  EXPECT_EQ(count_non_finite(std::vector<float>{nan, 1.0F, infinity, -infinity, -nan}), 4);
}

TensorMap with(TensorMap inputs, const std::vector<float>& numbers) {
  Tensor image = Tensor::from<float>(inputs.begin()->second.shape(), inputs.begin()->second.as<float>());
  std::copy(numbers.begin(), numbers.end(), image.mutable_as<float>().begin());
  inputs.begin()->second = image;
  return inputs;
}

TEST_F(SessionTest, Int8WarnsOfNaNInItsInputByNameAndCount) {
  const Model model = Model::load(path_);
  for (const Precision precision : {Precision::int8, Precision::int8_dynamic}) {
    Session session = model.compile({.precision = precision, .calibration = {image(1)}});
    session.run(image(1));
    EXPECT_TRUE(session.warnings().empty());
    session.run(with(image(1), {nan, infinity}));
    session.set_input("image", with(image(1), {-infinity}).at("image"));
    const std::vector<SessionWarning> warnings = session.warnings();
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_EQ(warnings[0].code, "non_finite_input");
    EXPECT_EQ(warnings[0].subject, "image");
    EXPECT_EQ(warnings[0].count, 3);
    EXPECT_NE(warnings[0].message.find("3 numbers"), std::string::npos);
    EXPECT_NE(warnings[0].message.find("2 runs"), std::string::npos);
  }
}

TEST_F(SessionTest, NaNPassesThroughFp32AndBf16) {
  const Model model = Model::load(path_);
  for (const Isa isa : testing::tiers_here())
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      Session session = model.compile({.precision = precision, .isa = isa});
      // The middle of the image: convolutions, ReLU, pools, a residual sum, the mean and a linear layer follow.
      const Tensor pixels = image(1).at("image");
      std::vector<float> numbers(pixels.as<float>().begin(), pixels.as<float>().end());
      numbers[10 * 20 + 10] = nan;
      const Tensor logits = only(session.run(with(image(1), numbers)));
      for (const float logit : logits.as<float>())
        EXPECT_TRUE(std::isnan(logit)) << name_of(precision) << " " << name_of(isa);
      EXPECT_TRUE(session.warnings().empty());
    }
}

TEST_F(SessionTest, CalibrationIsChargedToEverySessionThatNeedsIt) {
  const Model model = Model::load(path_);
  const std::vector<TensorMap> calibration = {image(2)};
  Session first = model.compile({.precision = Precision::int8, .calibration = calibration});
  Session second = model.compile({.precision = Precision::int8, .threads = 1, .calibration = calibration});
  EXPECT_GT(first.preparation().calibration_seconds, 0);
  EXPECT_FALSE(first.preparation().calibration_shared);
  EXPECT_EQ(second.preparation().calibration_seconds, first.preparation().calibration_seconds);
  EXPECT_TRUE(second.preparation().calibration_shared);
  EXPECT_EQ(model.compile({}).preparation().calibration_seconds, 0);
}

}  // namespace
}  // namespace tessera
