// Model::quantize on a small network: what is written is what runs, and the gate holds what it promises.
#include <cmath>
#include <limits>

#include "kernels/tiers.hpp"
#include "unit/engine/session_support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

class QuantizeTest : public SessionTest {
 protected:
  static ItemSource images(std::int64_t count) {
    return {count,
            [](std::int64_t i) {
              return TensorMap{{"image", random_tensor(Shape{1, 3, 20, 20}, static_cast<std::uint32_t>(i))}};
            },
            {}};
  }
  static Tensor run(const Model& model, SessionOptions options = {}) {
    options.threads = 1;
    options.extents = {{"batch", 2}};
    return only(model.compile(options).run(image(2)));
  }
  std::string output() const { return (folder_ / "int8.onnx").string(); }
};

TEST_F(QuantizeTest, TheFileGivesTheBitsOfTheModelInMemory) {
  const Model model = Model::load(path_);
  QuantizeOptions options;
  options.speed_aware = false;
  QuantizationReport report;
  const Model quantized = model.quantize(images(4), options, &report);
  quantized.save(output());
  const Model loaded = Model::load(output());
  EXPECT_TRUE(same_bits(run(quantized), run(loaded)));

  SessionOptions session;
  session.precision = Precision::int8;
  const ItemSource source = images(4);
  for (std::int64_t i = 0; i < source.size; ++i) session.calibration.push_back(source.item(i));
  EXPECT_TRUE(same_bits(run(model, session), run(loaded)));
  EXPECT_TRUE(same_bits(run(loaded, {.precision = Precision::int8}), run(loaded))) << "it says itself what is int8";

  EXPECT_EQ(report.int8_mac_share, 1.0);
  EXPECT_EQ(report.layers.size(), 5U);
  for (const LayerReport& layer : report.layers) {
    EXPECT_EQ(layer.precision, Precision::int8) << layer.name;
    EXPECT_GT(layer.sqnr_db.value_or(0), report.sqnr_db - 3) << "one layer alone errs less than all together";
  }
  EXPECT_FALSE(same_bits(run(model), run(loaded)));
  EXPECT_THROW(static_cast<void>(loaded.quantize(images(1))), Error);
}

TEST_F(QuantizeTest, ASessionTakesTheSameWayAsTheFileWhateverTheOptions) {
  const Model model = Model::load(path_);
  const ItemSource source = images(3);
  SessionOptions session;
  session.precision = Precision::int8;
  for (std::int64_t i = 0; i < source.size; ++i) session.calibration.push_back(source.item(i));
  std::vector<Tensor> outputs;
  for (const CalibrationOptions& how :
       {CalibrationOptions{}, CalibrationOptions{.method = CalibrationMethod::minmax},
        CalibrationOptions{.bias_correction = false}, CalibrationOptions{.round_sums = true}}) {
    session.calibration_options = how;
    outputs.push_back(run(model, session));
    QuantizeOptions options;
    options.calibration = how;
    options.sensitivity = false;
    const Model quantized = model.quantize(source, options);
    EXPECT_TRUE(same_bits(outputs.back(), run(quantized))) << outputs.size();
  }
  EXPECT_FALSE(same_bits(outputs[0], outputs[2])) << "other options are another graph, not one from the cache";
}

TEST_F(QuantizeTest, TheGateReturnsTheMostSensitiveLayersToFloat) {
  const Model model = Model::load(path_);
  QuantizeOptions options;
  options.speed_aware = false;
  options.metric = ScoreMetric::cosine;
  QuantizationReport free, held, exact;
  static_cast<void>(model.quantize(images(6), options, &free));
  const double drop = 100 - free.int8_score;
  ASSERT_GT(drop, 0);
  options.max_drop = drop / 2;
  static_cast<void>(model.quantize(images(6), options, &held));
  EXPECT_TRUE(held.gate_holds);
  EXPECT_LE(held.fp32_score - held.int8_score, drop / 2);
  EXPECT_LT(held.int8_mac_share, 1);
  double worst_kept = std::numeric_limits<double>::infinity(), best_returned = -worst_kept;
  for (const LayerReport& layer : held.layers) {
    if (layer.precision == Precision::int8) worst_kept = std::min(worst_kept, *layer.sqnr_db);
    if (layer.precision != Precision::int8) best_returned = std::max(best_returned, *layer.sqnr_db);
    EXPECT_EQ(layer.precision == Precision::int8, layer.reason.empty());
  }
  EXPECT_LE(best_returned, worst_kept);

  options.max_drop = 0;
  const Model same = model.quantize(images(6), options, &exact);
  EXPECT_TRUE(exact.gate_holds);
  EXPECT_EQ(exact.int8_mac_share, 0);
  EXPECT_TRUE(same_bits(run(same), run(model)));
}

TEST_F(QuantizeTest, TheGatePrefersBf16WhereItIsEnough) {
  const Model model = Model::load(path_);
  QuantizeOptions options;
  options.speed_aware = false;
  options.metric = ScoreMetric::cosine;
  QuantizationReport free, held;
  static_cast<void>(model.quantize(images(6), options, &free));
  options.max_drop = (100 - free.int8_score) * 0.9;  // on so small a network BF16 errs nearly as much as INT8
  options.fallback = Precision::bf16;
  const Model mixed = model.quantize(images(6), options, &held);
  EXPECT_TRUE(held.gate_holds);
  EXPECT_GT(held.bf16_mac_share, 0);
  EXPECT_NEAR(held.int8_mac_share + held.bf16_mac_share, 1, 1e-12);

  mixed.save(output());
  const Model loaded = Model::load(output());
  EXPECT_TRUE(same_bits(run(mixed), run(loaded)));
  EXPECT_THROW(static_cast<void>(loaded.quantize(images(1))), Error) << "it says itself what is bf16";
  for (const Isa isa : {Isa::avx2, best_runnable(cpu_features())}) {
    std::map<std::string, std::string> precisions;
    for (const StepInfo& step : loaded.compile({.isa = isa, .threads = 1}).explain())
      precisions[step.node] = step.precision;
    for (const LayerReport& layer : held.layers)
      EXPECT_TRUE(precisions.at(layer.name).starts_with(layer.precision == Precision::bf16 ? "bf16*bf16" : "u8*s8"))
          << layer.name << " " << precisions.at(layer.name);
  }

  options.fallback = Precision::int8;
  EXPECT_THROW(static_cast<void>(model.quantize(images(1), options)), Error);
}

TEST_F(QuantizeTest, ScoresByLabelsWhereThereAreSome) {
  const Model model = Model::load(path_);
  ItemSource labelled = images(5);
  labelled.label = [](std::int64_t i) { return std::optional<std::int64_t>(i % 10); };
  QuantizationReport report;
  static_cast<void>(model.quantize(labelled, {}, &report));
  EXPECT_EQ(report.metric, "top1");
  static_cast<void>(model.quantize(images(5), {}, &report));
  EXPECT_EQ(report.metric, "agreement");
  QuantizeOptions options;
  options.metric = ScoreMetric::top1;
  EXPECT_THROW(static_cast<void>(model.quantize(images(5), options)), Error);
}

TEST_F(QuantizeTest, TimesLayersAndTellsOfProgress) {
  const Model model = Model::load(path_);
  QuantizeOptions options;
  options.speed_aware = true;
  std::int64_t calls = 0;
  options.progress = [&](std::string_view activity, std::int64_t done, std::int64_t total) {
    EXPECT_FALSE(activity.empty());
    EXPECT_LE(done, total);
    ++calls;
  };
  QuantizationReport report;
  static_cast<void>(model.quantize(images(3), options, &report));
  EXPECT_GT(calls, 3);
  for (const LayerReport& layer : report.layers) {
    EXPECT_GT(layer.fp32_ms, 0) << layer.name;
    EXPECT_GT(layer.int8_ms, 0) << layer.name;
    if (layer.precision != Precision::int8) {
      EXPECT_NE(layer.reason.find("slower"), std::string::npos);
    }
  }
}

TEST_F(QuantizeTest, BadDataIsNamed) {
  const Model model = Model::load(path_);
  const auto message = [&](const ItemSource& items) {
    try {
      static_cast<void>(model.quantize(items));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(message({0, {}, {}}).find("no items"), std::string::npos);
  EXPECT_NE(message({1,
                     [](std::int64_t) {
                       return TensorMap{{"picture", Tensor(DataType::f32, Shape{1, 3, 20, 20})}};
                     },
                     {}})
                .find("no data for input image"),
            std::string::npos);
  EXPECT_NE(message({1,
                     [](std::int64_t) {
                       return TensorMap{{"image", Tensor(DataType::f32, Shape{1, 3, 24, 20})}};
                     },
                     {}})
                .find("image has shape"),
            std::string::npos);
  Tensor bad = random_tensor(Shape{1, 3, 20, 20}, 1);
  bad.mutable_as<float>()[77] = std::nanf("");
  EXPECT_NE(message({1,
                     [&](std::int64_t) {
                       return TensorMap{{"image", bad}};
                     },
                     {}})
                .find("activation image holds NaN"),
            std::string::npos);
  QuantizationReport report;
  static_cast<void>(model.quantize({2,
                                    [](std::int64_t) {
                                      return TensorMap{{"image", Tensor(DataType::f32, Shape{1, 3, 20, 20})}};
                                    },
                                    {}},
                                   {}, &report));
  ASSERT_FALSE(report.warnings.empty());
  EXPECT_NE(report.warnings[0].find("image is 0"), std::string::npos) << report.warnings[0];
}

}  // namespace
}  // namespace tessera
