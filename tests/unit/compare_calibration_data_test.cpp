#include "compare/calibration_data.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace tessera {
namespace {

Tensor counting(const Shape& shape) {
  Tensor tensor(DataType::f32, shape);
  float next = 0;
  for (float& value : tensor.mutable_as<float>()) value = next++;
  return tensor;
}

std::vector<TensorInfo> inputs(const std::string& batch) {
  return {{"x", DataType::f32, {batch, "2"}}, {"y", DataType::f32, {batch}}};
}

TEST(CalibrationData, SplitsAllInputsAlongTheFirstAxis) {
  const std::map<std::string, Tensor> arrays = {
      {"x", counting({5, 2})}, {"y", counting({5})}, {"labels", counting({5})}};
  const auto batches = split_batches(arrays, inputs("batch"), 2, "data.npz");
  ASSERT_EQ(batches.size(), 3U);
  for (const TensorMap& batch : batches) EXPECT_EQ(batch.size(), 2U);
  EXPECT_EQ(batches[1].at("x").shape(), (Shape{2, 2}));
  EXPECT_EQ(batches[1].at("x").as<float>()[0], 4.0F);
  EXPECT_EQ(batches[1].at("y").as<float>()[1], 3.0F);
  EXPECT_EQ(batches[2].at("x").shape(), (Shape{1, 2}));
  EXPECT_EQ(batches[2].at("x").as<float>()[1], 9.0F);
}

TEST(CalibrationData, ElementsOutliveTheArrays) {
  std::vector<TensorMap> batches;
  {
    const std::map<std::string, Tensor> arrays = {{"x", counting({4, 2})}, {"y", counting({4})}};
    batches = split_batches(arrays, inputs("N"), 4, "data.npz");
  }
  EXPECT_EQ(batches.at(0).at("x").as<float>()[7], 7.0F);
}

TEST(CalibrationData, AFixedBatchTakesWholeBatchesOnly) {
  const std::map<std::string, Tensor> arrays = {{"x", counting({7, 2})}, {"y", counting({7})}};
  const auto batches = split_batches(arrays, inputs("3"), 1, "data.npz");
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[1].at("x").shape(), (Shape{3, 2}));
  EXPECT_THROW(split_batches(arrays, inputs("8"), 1, "data.npz"), Error);
}

TEST(CalibrationData, DataThatDoNotFit) {
  const std::map<std::string, Tensor> missing = {{"x", counting({4, 2})}, {"z", counting({4})}};
  try {
    split_batches(missing, inputs("batch"), 1, "data.npz");
    FAIL() << "a missing input was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    const std::string text = error.what();
    for (const char* part : {"data.npz", "'y'", "x, z"}) EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  const std::map<std::string, Tensor> unequal = {{"x", counting({4, 2})}, {"y", counting({3})}};
  EXPECT_THROW(split_batches(unequal, inputs("batch"), 1, "data.npz"), Error);
  const std::map<std::string, Tensor> empty = {{"x", counting({0, 2})}, {"y", counting({0})}};
  EXPECT_THROW(split_batches(empty, inputs("batch"), 1, "data.npz"), Error);
  const std::map<std::string, Tensor> scalar = {{"x", counting({4, 2})}, {"y", Tensor::scalar(1.0F)}};
  EXPECT_THROW(split_batches(scalar, inputs("batch"), 1, "data.npz"), Error);
  EXPECT_THROW(read_calibration("/nonexistent/data.npz", inputs("batch"), 1), Error);
}

}  // namespace
}  // namespace tessera
