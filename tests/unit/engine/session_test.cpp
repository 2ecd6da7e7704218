// Sessions as a user drives them: built-in BERT and ResNet are too large for unit tests, so a small ONNX file is
// written first.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "unit/engine/session_support.hpp"

namespace tessera {
namespace {

using testing::random_tensor;
using testing::same_bits;
using testing::SessionTest;
using testing::tiers_here;

TEST_F(SessionTest, NodeByNodeGivesTheAnswerOfTheOptimisedPlan) {
  const Model model = Model::load(path_);
  Session fused = model.compile({.threads = 2, .extents = {{"batch", 3}}});
  Session plain = model.compile({.threads = 2, .opt_level = 0, .extents = {{"batch", 3}}});
  EXPECT_GT(plain.explain().size(), fused.explain().size());
  const Tensor a = only(fused.run(image(3))), b = only(plain.run(image(3)));
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.as<float>().size(); ++i) {
    difference += std::pow(a.as<float>()[i] - b.as<float>()[i], 2);
    norm += std::pow(b.as<float>()[i], 2);
  }
  EXPECT_LT(std::sqrt(difference / norm), 1e-6);
}

TEST_F(SessionTest, Int8AndFp32AreBitIdenticalOnEveryTierThreadCountAndBatchSplit) {
  const Model model = Model::load(path_);
  const std::vector<TensorMap> calibration = {image(4)};
  for (const Precision precision : {Precision::fp32, Precision::int8, Precision::int8_dynamic}) {
    Tensor first;
    for (const Isa isa : tiers_here())
      for (const int threads : {1, 2, 3}) {
        Session session = model.compile({.precision = precision,
                                         .isa = isa,
                                         .threads = threads,
                                         .extents = {{"batch", 4}},
                                         .calibration = calibration});
        const Tensor logits = only(session.run(image(4)));
        if (first.empty()) first = logits;
        EXPECT_TRUE(same_bits(logits, first)) << name_of(precision) << " " << name_of(isa) << " " << threads;
      }
    // One by one instead of four at once.
    Session single =
        model.compile({.precision = precision, .threads = 1, .extents = {{"batch", 1}}, .calibration = calibration});
    const Tensor all = image(4).at("image");
    for (std::int64_t i = 0; i < 4; ++i) {
      const auto pixels = all.as<float>().subspan(static_cast<std::size_t>(i) * 1200, 1200);
      const Tensor one = only(single.run({{"image", Tensor::from<float>(Shape{1, 3, 20, 20}, pixels)}}));
      for (std::size_t c = 0; c < 10; ++c)
        EXPECT_EQ(one.as<float>()[c], first.as<float>()[static_cast<std::size_t>(i) * 10 + c]);
    }
  }
}

TEST_F(SessionTest, EveryLayerOfTheInt8CaseRunsOnAnInt8Kernel) {
  const Model model = Model::load(path_);
  Session session = model.compile({.precision = Precision::int8, .isa = Isa::avx2, .calibration = {image(1)}});
  int products = 0;
  for (const StepInfo& step : session.explain()) {
    if (step.gflop <= 0) continue;
    ++products;
    EXPECT_EQ(step.precision.substr(0, 5), "u8*s8") << step.node;
  }
  EXPECT_EQ(products, 5);
}

TEST_F(SessionTest, TwoSessionsOnTwoTiersRunAtTheSameTime) {
  const Model model = Model::load(path_);
  const std::vector<Isa> tiers = tiers_here();
  Session a = model.compile({.isa = tiers.front(), .threads = 2, .extents = {{"batch", 2}}});
  Session b = model.compile({.isa = tiers.back(), .threads = 2, .extents = {{"batch", 2}}});
  EXPECT_EQ(a.isa(), tiers.front());
  EXPECT_EQ(b.isa(), tiers.back());
  const Tensor expected = only(a.run(image(2)));
  const auto repeat = [&](Session& session) {
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(same_bits(only(session.run(image(2))), expected));
  };
  std::thread other([&] { repeat(b); });
  repeat(a);
  other.join();
}

TEST_F(SessionTest, WrongInputsAreNamed) {
  Session session = Model::load(path_).compile({.extents = {{"batch", 2}}});
  const auto message = [&](const TensorMap& inputs) {
    try {
      session.run(inputs);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(message({}).find("image"), std::string::npos);
  EXPECT_EQ(message(image(3)), "no error");  // any batch
  EXPECT_NE(message({{"image", Tensor(DataType::f32, Shape{2, 4, 20, 20})}}).find("[2, 4, 20, 20]"), std::string::npos);
  EXPECT_NE(message({{"image", Tensor(DataType::i64, Shape{2, 3, 20, 20})}}).find("i64"), std::string::npos);
  TensorMap extra = image(2);
  extra["picture"] = extra["image"];
  EXPECT_NE(message(extra).find("picture"), std::string::npos);
}

TEST_F(SessionTest, OptionsThatMakeNoSenseAreRefused) {
  const Model model = Model::load(path_);
  EXPECT_THROW(static_cast<void>(model.compile({.threads = -1})), Error);
  EXPECT_THROW(static_cast<void>(model.compile({.opt_level = 7})), Error);
  EXPECT_THROW(static_cast<void>(model.compile({.extents = {{"batch", 0}}})), Error);
  EXPECT_THROW(static_cast<void>(model.compile({.precision = Precision::int8, .opt_level = 0})), Error);
  EXPECT_THROW(Model::load("resnet51"), Error);
  EXPECT_THROW(Model::load("/no/such/file.onnx"), Error);
  for (const Isa isa : all_isas)
    if (why_unavailable(cpu_features(), isa)) {
      try {
        static_cast<void>(model.compile({.isa = isa}));
        FAIL() << "compiled for " << name_of(isa);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unavailable);
      }
    }
}

TEST_F(SessionTest, CalibrationDataWithNaNIsRefusedByName) {
  TensorMap bad = image(1);
  bad["image"].mutable_as<float>()[7] = std::nanf("");
  try {
    static_cast<void>(Model::load(path_).compile({.precision = Precision::int8, .calibration = {bad}}));
    FAIL() << "calibrated on NaN";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("NaN"), std::string::npos);
  }
}

}  // namespace
}  // namespace tessera
