// The accuracy of INT8 and BF16 on the trained models and labelled test sets of tests/data, with default settings.
#include <algorithm>
#include <cmath>

#include "unit/data/support.hpp"

namespace tessera {
namespace {

struct TrainedModel {
  const char* name;
  const char* folder;
  const char* calibration;
  const char* test;
};

void PrintTo(const TrainedModel& model, std::ostream* stream) {
  *stream << model.name;
}

class TrainedModels : public ::testing::TestWithParam<TrainedModel> {
 protected:
  TrainedModels()
      : model_(Model::load(path("model.onnx"))),
        calibration_(open(GetParam().calibration)),
        test_(open(GetParam().test)) {}

  static std::string path(const std::string& file) { return test_data(std::string(GetParam().folder) + "/" + file); }
  std::unique_ptr<Dataset> open(const char* data) const {
    return open_dataset(path(data), dataset_model(path("model.onnx"), model_));
  }

  /// Every `stride`-th item from `first`.
  static ItemSource source(const Dataset& data, std::int64_t first, std::int64_t stride) {
    return {(data.size() - first + stride - 1) / stride,
            [&data, first, stride](std::int64_t i) { return data.item(first + i * stride); },
            [&data, first, stride](std::int64_t i) { return data.label(first + i * stride); }};
  }

  /// The class of every test item. Items of one shape share a session.
  std::vector<std::int64_t> predictions(Precision precision) const {
    std::map<std::int64_t, Session> sessions;
    std::vector<std::int64_t> classes;
    for (std::int64_t i = 0; i < test_->size(); ++i) {
      const TensorMap item = test_->item(i);
      const Shape& shape = item.begin()->second.shape();
      auto found = sessions.find(shape[1]);
      if (found == sessions.end()) {
        const std::string axis = shape.rank() == 2 ? "seq" : "side";
        found = sessions
                    .emplace(shape[1], model_.compile({.precision = precision,
                                                       .threads = 1,
                                                       .pin = false,
                                                       .extents = {{"batch", 1}, {axis, shape.back()}}}))
                    .first;
      }
      const Tensor logits = found->second.run(item).begin()->second;
      const auto row = logits.as<float>();
      classes.push_back(std::ranges::max_element(row) - row.begin());
    }
    return classes;
  }

  double accuracy(const std::vector<std::int64_t>& classes) const {
    double right = 0;
    for (std::size_t i = 0; i < classes.size(); ++i)
      right += classes[i] == test_->label(static_cast<std::int64_t>(i)) ? 1 : 0;
    return 100 * right / static_cast<double>(classes.size());
  }

  Model model_;
  std::unique_ptr<Dataset> calibration_, test_;
};

TEST_P(TrainedModels, Int8KeepsItsAccuracyWhateverHalfOfTheDataCalibrates) {
  for (const auto& [first, stride] : {std::pair{0, 1}, std::pair{0, 2}, std::pair{1, 2}}) {
    QuantizeOptions options;
    options.search_smoothquant = true;
    options.speed_aware = false;  // the same on every machine
    options.sensitivity = false;
    options.threads = 1;
    options.validation = source(*test_, 0, 1);
    QuantizationReport report;
    static_cast<void>(model_.quantize(source(*calibration_, first, stride), options, &report));
    EXPECT_EQ(report.metric, "top1");
    EXPECT_EQ(report.validation_items, 1000);
    EXPECT_GT(report.fp32_score, 90.0);
    EXPECT_GE(report.int8_score, report.fp32_score - 0.5) << first << "/" << stride;
    EXPECT_GE(report.agreement, 0.99) << first << "/" << stride;
    EXPECT_GE(report.int8_mac_share, 0.98);
    EXPECT_TRUE(report.warnings.empty());
  }
}

TEST_P(TrainedModels, Bf16LosesATenthOfAPointAtMost) {
  const std::vector<std::int64_t> fp32 = predictions(Precision::fp32), bf16 = predictions(Precision::bf16);
  // One item of a thousand is a tenth of a point; the sum of floats must not decide.
  EXPECT_LE(std::fabs(accuracy(fp32) - accuracy(bf16)), 0.1 + 1e-9);
  double agreeing = 0;
  for (std::size_t i = 0; i < fp32.size(); ++i) agreeing += fp32[i] == bf16[i] ? 1 : 0;
  EXPECT_GE(agreeing, 0.99 * static_cast<double>(fp32.size()));
}

INSTANTIATE_TEST_SUITE_P(Data, TrainedModels,
                         ::testing::Values(TrainedModel{"image", "image", "calib", "test"},
                                           TrainedModel{"text", "text", "calib.tsv", "test.tsv"}),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace tessera
