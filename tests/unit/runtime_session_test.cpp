// Sessions as a user drives them: built-in BERT and ResNet are too large for unit tests, so a small ONNX file is
// written first.
#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <thread>

#include "formats/onnx_writer.hpp"
#include "runtime_support.hpp"
#include "tessera/tessera.hpp"

namespace {

thread_local bool counting = false;
std::atomic<long> allocations{0};

void* counted(std::size_t bytes) {
  if (counting) ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// GCC takes the library's own new for the partner of this delete where a sanitizer changes what it inlines.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

void* operator new(std::size_t bytes) {
  return counted(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace tessera {
namespace {

using testing::ints;
using testing::Net;
using testing::random_tensor;
using testing::same_bits;
using testing::tiers_here;

/// conv (stem) -> max pool -> residual block -> global pool -> linear, with a symbolic batch.
Graph small_resnet() {
  Net net;
  const ValueId x = net.input("image", {Dim("batch"), 3, 20, 20});
  const auto conv = [&](ValueId in, const Shape& w, std::int64_t stride, std::int64_t pad) {
    return net.op("Conv", {in, net.weight(w, 0.3F), net.weight(Shape{w[0]})},
                  {{"strides", ints({stride, stride})}, {"pads", ints({pad, pad, pad, pad})}});
  };
  const ValueId stem = net.op("Relu", {conv(x, Shape{16, 3, 7, 7}, 2, 3)});
  const ValueId pooled = net.op(
      "MaxPool", {stem}, {{"kernel_shape", ints({3, 3})}, {"strides", ints({2, 2})}, {"pads", ints({1, 1, 1, 1})}});
  const ValueId a = net.op("Relu", {conv(pooled, Shape{16, 16, 1, 1}, 1, 0)});
  const ValueId b = net.op("Relu", {conv(a, Shape{16, 16, 3, 3}, 1, 1)});
  const ValueId c = net.op("Relu", {net.op("Add", {conv(b, Shape{16, 16, 1, 1}, 1, 0), pooled})});
  const ValueId mean = net.op("Flatten", {net.op("GlobalAveragePool", {c})});
  net.output(net.op("Gemm", {mean, net.weight(Shape{10, 16}), net.weight(Shape{10})}, {{"transB", std::int64_t{1}}}));
  return net.graph;
}

class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("tessera-session-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "small.onnx").string();
    Graph graph = small_resnet();
    infer_shapes(graph);
    write_onnx(graph, path_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static TensorMap image(std::int64_t batch) { return {{"image", random_tensor(Shape{batch, 3, 20, 20}, 42)}}; }
  static Tensor only(TensorMap outputs) { return outputs.begin()->second; }

  std::filesystem::path folder_;
  std::string path_;
};

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
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
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

TEST_F(SessionTest, InferenceAllocatesNothing) {
  const Model model = Model::load(path_);
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8})
    for (const int opt_level : {0, 1}) {
      if (opt_level == 0 && precision != Precision::fp32) continue;
      Session session =
          model.compile({.precision = precision, .threads = 1, .opt_level = opt_level, .calibration = {image(1)}});
      const TensorMap inputs = image(1);
      session.set_input("image", inputs.at("image"));
      session.infer();
      allocations = 0;
      counting = true;
      session.set_input("image", inputs.at("image"));
      session.infer();
      counting = false;
      EXPECT_EQ(allocations, 0) << name_of(precision) << " opt-level " << opt_level;
    }
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
  EXPECT_NE(message(image(3)).find("[3, 3, 20, 20]"), std::string::npos);
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
