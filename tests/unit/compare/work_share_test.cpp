// What a case says it runs is read from its steps, never from its name.
#include "compare/work_share.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tessera {
namespace {

StepInfo step(const std::string& types, double gflop) {
  StepInfo info;
  info.precision = types;
  info.gflop = gflop;
  return info;
}

TEST(WorkShare, IsByWhatTheStepsMultiply) {
  const std::vector<StepInfo> steps = {step("u8*s8->f32", 3), step("bf16*bf16->bf16", 1), step("f32*f32->f32", 4),
                                       step("u8->f32", 0), step("bf16->f32", 2)};
  const WorkShare share = work_share(steps);
  EXPECT_DOUBLE_EQ(share.int8, 0.3);
  EXPECT_DOUBLE_EQ(share.bf16, 0.3);
  EXPECT_DOUBLE_EQ(share.fp32, 0.4);
  EXPECT_EQ(computed_in(share, Precision::int8), Precision::fp32);
}

TEST(WorkShare, TheNameThatWasAskedForStaysWhereItIsRight) {
  const WorkShare integers{0.1, 0, 0.9};
  EXPECT_EQ(computed_in(integers, Precision::fp32), Precision::int8);
  EXPECT_EQ(computed_in(integers, Precision::int8_dynamic), Precision::int8_dynamic);
  EXPECT_EQ(computed_in({}, Precision::bf16), Precision::bf16);  // a model without products
  EXPECT_EQ(work_share({}).int8, 0);
}

TEST(WorkShare, ThePeakIsThatOfTheMixture) {
  const PeakRates peak{.fp32_gflops = 100, .bf16_gflops = std::nullopt, .int8_gops = 400};
  EXPECT_DOUBLE_EQ(peak_of({1, 0, 0}, peak).value(), 100);
  EXPECT_DOUBLE_EQ(peak_of({0, 0, 1}, peak).value(), 400);
  // Half of the work takes 1/200 of a second for each billion, the other half 1/800: together 1/160.
  EXPECT_DOUBLE_EQ(peak_of({0.5, 0, 0.5}, peak).value(), 160);
  EXPECT_FALSE(peak_of({0.5, 0.5, 0}, peak).has_value());
  EXPECT_FALSE(peak_of({}, peak).has_value());
}

}  // namespace
}  // namespace tessera
