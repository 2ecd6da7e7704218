#include "quantize/accuracy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.hpp"

namespace tessera {
namespace {

Tensor matrix(std::int64_t rows, const std::vector<float>& values) {
  return Tensor::from<float>({rows, static_cast<std::int64_t>(values.size()) / rows}, values);
}

Accuracy compare(const Tensor& reference, const Tensor& candidate) {
  AccuracyMeter meter;
  meter.add(reference, candidate);
  return meter.result();
}

TEST(Accuracy, EqualOutputsAreExact) {
  const Tensor output = matrix(2, {1, -2, 3, 0.5F, 4, 5});
  const Accuracy accuracy = compare(output, output);
  EXPECT_EQ(accuracy.cosine, 1.0);
  EXPECT_EQ(accuracy.sqnr_db, std::numeric_limits<double>::infinity());
  EXPECT_EQ(accuracy.top1_agreement, 1.0);
  EXPECT_EQ(accuracy.relative_l2, 0.0);
  EXPECT_EQ(accuracy.inputs, 1);
}

TEST(Accuracy, KnownFigures) {
  // reference (3, 4), candidate (4, 3): dot 24, norms 5; error (1, -1), power 2 against 25.
  const Accuracy accuracy = compare(matrix(1, {3, 4}), matrix(1, {4, 3}));
  EXPECT_DOUBLE_EQ(accuracy.cosine, 24.0 / 25.0);
  EXPECT_DOUBLE_EQ(accuracy.sqnr_db, 10.0 * std::log10(25.0 / 2.0));
  EXPECT_DOUBLE_EQ(accuracy.relative_l2, std::sqrt(2.0 / 25.0));
  EXPECT_EQ(accuracy.top1_agreement, 0.0);
}

TEST(Accuracy, ScaleShowsInErrorNotInCosine) {
  const Accuracy accuracy = compare(matrix(1, {1, 2, 3}), matrix(1, {2, 4, 6}));
  EXPECT_NEAR(accuracy.cosine, 1.0, 4 * std::numeric_limits<double>::epsilon());
  EXPECT_DOUBLE_EQ(accuracy.relative_l2, 1.0);
  EXPECT_DOUBLE_EQ(accuracy.sqnr_db, 0.0);
}

TEST(Accuracy, TopOneCountsRowsOverAllInputs) {
  AccuracyMeter meter;
  meter.add(matrix(2, {1, 0, 0, 1}), matrix(2, {0.9F, 0, 0, 0.9F}));
  meter.add(matrix(2, {1, 0, 0, 1}), matrix(2, {0, 1, 0, 1}));
  EXPECT_DOUBLE_EQ(meter.result().top1_agreement, 0.75);
  EXPECT_EQ(meter.result().inputs, 2);
}

TEST(Accuracy, ZeroOutputs) {
  EXPECT_EQ(compare(matrix(1, {0, 0}), matrix(1, {0, 0})).cosine, 1.0);
  const Accuracy wrong = compare(matrix(1, {0, 0}), matrix(1, {1, 0}));
  EXPECT_EQ(wrong.cosine, 0.0);
  EXPECT_EQ(wrong.sqnr_db, -std::numeric_limits<double>::infinity());
}

TEST(Accuracy, OutputsThatCannotBeCompared) {
  AccuracyMeter meter;
  EXPECT_THROW(meter.add(matrix(1, {1, 2}), matrix(2, {1, 2})), Error);
  EXPECT_THROW(meter.add(matrix(1, {1, 2}), Tensor(DataType::i64, {1, 2})), Error);
  EXPECT_THROW(meter.add(matrix(1, {1, 2}), matrix(1, {1, std::numeric_limits<float>::quiet_NaN()})), Error);
}

}  // namespace
}  // namespace tessera
