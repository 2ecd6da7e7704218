// The C API from outside: nothing but its header is used to load, run and quantize.
#include <cstring>
#include <future>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tessera/tessera.h"
#include "unit/engine/session_support.hpp"

namespace tessera::testing {
namespace {

template <class Options>
Options sized() {
  Options options = {};
  options.struct_size = sizeof options;
  return options;
}

class CApi : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    ASSERT_EQ(tessera_model_load(path_.c_str(), &model_), TESSERA_OK) << tessera_error_message();
  }
  void TearDown() override {
    tessera_session_free(session_);
    tessera_model_free(model_);
    SessionTest::TearDown();
  }

  void start(tessera_session_options options = sized<tessera_session_options>()) {
    options.threads = 1;
    ASSERT_EQ(tessera_session_create(model_, &options, &session_), TESSERA_OK) << tessera_error_message();
  }

  /// A lent image of that batch.
  static tessera_tensor input(const Tensor& tensor) {
    tessera_tensor c = {};
    c.rank = tensor.shape().rank();
    std::ranges::copy(tensor.shape().dims(), c.shape);
    c.data = const_cast<std::byte*>(tensor.data());
    return c;
  }

  static Tensor taken(tessera_outputs* outputs) {
    tessera_tensor c = {};
    EXPECT_EQ(tessera_outputs_get(outputs, 0, &c), TESSERA_OK) << tessera_error_message();
    Tensor tensor(static_cast<DataType>(c.type), Shape(std::span(c.shape, c.rank)));
    std::memcpy(tensor.mutable_data(), c.data, tensor.bytes());
    tessera_outputs_free(outputs);
    return tensor;
  }

  Tensor from_cpp(std::int64_t batch, Precision precision = Precision::fp32) {
    return only(Model::load(path_).compile({.precision = precision, .threads = 1}).run(image(batch)));
  }

  tessera_model* model_ = nullptr;
  tessera_session* session_ = nullptr;
};

void expect_error(tessera_status status, tessera_status wanted, const std::string& what, const std::string& why) {
  EXPECT_EQ(status, wanted);
  EXPECT_NE(std::string(tessera_error_what()).find(what), std::string::npos) << tessera_error_message();
  EXPECT_NE(std::string(tessera_error_why()).find(why), std::string::npos) << tessera_error_message();
  EXPECT_NE(std::string(tessera_error_message()).find(tessera_error_why()), std::string::npos);
}

TEST_F(CApi, VersionsAgree) {
  EXPECT_STREQ(tessera_version(), TESSERA_VERSION);
  EXPECT_EQ(std::string(TESSERA_VERSION), std::to_string(TESSERA_VERSION_MAJOR) + "." +
                                              std::to_string(TESSERA_VERSION_MINOR) + "." +
                                              std::to_string(TESSERA_VERSION_PATCH));
}

TEST_F(CApi, ModelsSayTheirInputsAndOutputs) {
  ASSERT_EQ(tessera_model_input_count(model_), 1U);
  ASSERT_EQ(tessera_model_output_count(model_), 1U);
  tessera_port port = {};
  ASSERT_EQ(tessera_model_input(model_, 0, &port), TESSERA_OK);
  EXPECT_STREQ(port.name, "image");
  EXPECT_EQ(port.type, TESSERA_TYPE_F32);
  ASSERT_EQ(port.rank, 4U);
  EXPECT_STREQ(port.extents[0], "batch");
  EXPECT_STREQ(port.extents[3], "20");
  ASSERT_EQ(tessera_model_output(model_, 0, &port), TESSERA_OK);
  EXPECT_EQ(port.rank, 2U);
  expect_error(tessera_model_output(model_, 1, &port), TESSERA_INVALID, "output number 1", "only 1");
}

TEST_F(CApi, RunsAnyBatchAsTheCppApiDoes) {
  start();
  for (const std::int64_t batch : {1, 3}) {
    const TensorMap inputs = image(batch);
    const tessera_tensor c = input(inputs.at("image"));
    tessera_outputs* outputs = nullptr;
    ASSERT_EQ(tessera_session_run(session_, &c, 1, &outputs), TESSERA_OK) << tessera_error_message();
    EXPECT_EQ(tessera_outputs_count(outputs), 1U);
    EXPECT_TRUE(same_bits(taken(outputs), from_cpp(batch)));
  }
}

TEST_F(CApi, InfersInPlace) {
  const tessera_extent batch = {"batch", 2};
  auto options = sized<tessera_session_options>();
  options.extents = &batch;
  options.extent_count = 1;
  start(options);
  const Tensor image_of_two = image(2).at("image"), wanted = from_cpp(2);
  tessera_tensor in = {}, out = {};
  ASSERT_EQ(tessera_session_input(session_, 0, &in), TESSERA_OK) << tessera_error_message();
  ASSERT_EQ(in.rank, 4U);
  ASSERT_EQ(in.shape[0], 2);
  EXPECT_STREQ(in.name, "image");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(in.data) % 64, 0U);
  std::memcpy(in.data, image_of_two.data(), image_of_two.bytes());
  for (int i = 0; i < 2; ++i) {  // what was written stays
    ASSERT_EQ(tessera_session_infer(session_), TESSERA_OK) << tessera_error_message();
    ASSERT_EQ(tessera_session_output(session_, 0, &out), TESSERA_OK);
    ASSERT_EQ(out.shape[0], 2);
    EXPECT_EQ(std::memcmp(out.data, wanted.data(), wanted.bytes()), 0);
  }
  const tessera_extent four = {"batch", 4};
  ASSERT_EQ(tessera_session_prepare(session_, &four, 1), TESSERA_OK) << tessera_error_message();
  ASSERT_EQ(tessera_session_input(session_, 0, &in), TESSERA_OK);
  EXPECT_EQ(in.shape[0], 4);
}

struct Answer {
  tessera_status status;
  tessera_outputs* outputs;
  std::string why;
};

void answer(void* user, tessera_status status, tessera_outputs* outputs) {
  static_cast<std::promise<Answer>*>(user)->set_value(
      {status, outputs, status == TESSERA_OK ? "" : tessera_error_why()});
}

TEST_F(CApi, RunsWithoutWaiting) {
  auto options = sized<tessera_session_options>();
  options.streams = 2;
  start(options);
  std::promise<Answer> promise;
  {
    TensorMap inputs = image(3);
    const tessera_tensor c = input(inputs.at("image"));
    ASSERT_EQ(tessera_session_run_async(session_, &c, 1, answer, &promise), TESSERA_OK) << tessera_error_message();
    std::memset(c.data, 0, inputs.at("image").bytes());  // they were copied
  }
  Answer got = promise.get_future().get();
  ASSERT_EQ(got.status, TESSERA_OK);
  EXPECT_TRUE(same_bits(taken(got.outputs), from_cpp(3)));
}

TEST_F(CApi, CallbacksHearWhatWentWrong) {
  start();
  const Tensor flat(DataType::f32, Shape{1, 3});
  const tessera_tensor c = input(flat);
  std::promise<Answer> promise;
  ASSERT_EQ(tessera_session_run_async(session_, &c, 1, answer, &promise), TESSERA_OK);
  const Answer got = promise.get_future().get();
  EXPECT_EQ(got.status, TESSERA_INVALID);
  EXPECT_EQ(got.outputs, nullptr);
  EXPECT_FALSE(got.why.empty());
}

TEST_F(CApi, ErrorsHaveThreePartsAndBelongToAThread) {
  tessera_model* none = model_;
  expect_error(tessera_model_load("no-such-model.onnx", &none), TESSERA_INVALID, "no-such-model.onnx", "");
  EXPECT_EQ(none, nullptr);
  EXPECT_STRNE(tessera_error_remedy(), "");
  std::thread([] { EXPECT_STREQ(tessera_error_message(), ""); }).join();
  EXPECT_STRNE(tessera_error_message(), "");
}

TEST_F(CApi, NullIsAnErrorAndFreeingItIsNone) {
  start();
  tessera_outputs* outputs = nullptr;
  tessera_tensor tensor = {};
  expect_error(tessera_model_load(nullptr, &model_), TESSERA_INVALID, "path_or_name", "NULL");
  expect_error(tessera_session_infer(nullptr), TESSERA_INVALID, "session", "NULL");
  expect_error(tessera_session_run(session_, nullptr, 1, &outputs), TESSERA_INVALID, "inputs", "NULL");
  expect_error(tessera_session_run(session_, &tensor, 1, nullptr), TESSERA_INVALID, "outputs", "NULL");
  expect_error(tessera_session_run(session_, nullptr, 0, &outputs), TESSERA_INVALID, "input image", "no data");
  tensor.rank = 1;
  tensor.shape[0] = 5;
  expect_error(tessera_session_run(session_, &tensor, 1, &outputs), TESSERA_INVALID, "input image", "data is NULL");
  tensor.rank = 9;
  expect_error(tessera_session_run(session_, &tensor, 1, &outputs), TESSERA_INVALID, "input image", "9 dimensions");
  tensor.type = static_cast<tessera_type>(15);
  expect_error(tessera_session_run(session_, &tensor, 1, &outputs), TESSERA_INVALID, "input image", "type 15");
  EXPECT_EQ(outputs, nullptr);
  EXPECT_EQ(tessera_model_input_count(nullptr) + tessera_session_output_count(nullptr), 0U);
  tessera_session_free(nullptr);
  tessera_outputs_free(nullptr);
  tessera_model_free(nullptr);
}

TEST_F(CApi, InputsGoByNameOrOrderButOnce) {
  start();
  const TensorMap inputs = image(1);
  tessera_outputs* outputs = nullptr;
  tessera_tensor c = input(inputs.at("image"));
  c.name = "pixels";
  expect_error(tessera_session_run(session_, &c, 1, &outputs), TESSERA_INVALID, "image", "no data");
  c.name = "image";
  const tessera_tensor twice[] = {c, c};
  expect_error(tessera_session_run(session_, twice, 2, &outputs), TESSERA_INVALID, "image", "twice");
  ASSERT_EQ(tessera_session_run(session_, &c, 1, &outputs), TESSERA_OK) << tessera_error_message();
  tessera_outputs_free(outputs);
}

// What a program sends that was compiled against another version of the header.
TEST_F(CApi, OptionsMayBeShorterOrLonger) {
  tessera_session_options options = {};
  expect_error(tessera_session_create(model_, &options, &session_), TESSERA_INVALID, "struct_size", "0 is too small");
  options.struct_size = offsetof(tessera_session_options, threads);
  options.threads = -7;  // beyond what this older struct has
  ASSERT_EQ(tessera_session_create(model_, &options, &session_), TESSERA_OK) << tessera_error_message();
  tessera_session_free(session_);
  session_ = nullptr;

  struct Longer {
    tessera_session_options known;
    std::size_t more;
  } longer = {};
  longer.known.struct_size = sizeof longer;
  ASSERT_EQ(tessera_session_create(model_, &longer.known, &session_), TESSERA_OK) << "unknown, but not set";
  tessera_session_free(session_);
  longer.more = 1;
  expect_error(tessera_session_create(model_, &longer.known, &session_), TESSERA_INVALID, "tessera_session_options",
               "does not know");
  EXPECT_EQ(session_, nullptr);
}

TEST_F(CApi, PaddingIsSkippedOnlyWhereThereIsAMask) {
  auto options = sized<tessera_session_options>();
  options.skip_padding = 1;
  expect_error(tessera_session_create(model_, &options, &session_), TESSERA_INVALID, "skip_padding", "attention_mask");
}

TEST_F(CApi, TiersByNumberAndName) {
  for (int isa = TESSERA_ISA_AVX2; isa <= TESSERA_ISA_AVX512_CORE_AMX; ++isa) {
    const auto tier = isa_from_name(tessera_isa_name(static_cast<tessera_isa>(isa)));
    ASSERT_TRUE(tier);
    EXPECT_EQ(static_cast<int>(*tier) + 1, isa);
    auto options = sized<tessera_session_options>();
    options.isa = static_cast<tessera_isa>(isa);
    const tessera_status status = tessera_session_create(model_, &options, &session_);
    if (why_unavailable(cpu_features(), *tier)) {
      EXPECT_EQ(status, TESSERA_UNAVAILABLE);
      EXPECT_STRNE(tessera_error_remedy(), "");
    } else {
      ASSERT_EQ(status, TESSERA_OK) << tessera_error_message();
      EXPECT_EQ(tessera_session_isa(session_), isa);
    }
    tessera_session_free(session_);
    session_ = nullptr;
  }
  EXPECT_STREQ(tessera_isa_name(TESSERA_ISA_BEST), "");
  auto options = sized<tessera_session_options>();
  options.isa = static_cast<tessera_isa>(7);
  expect_error(tessera_session_create(model_, &options, &session_), TESSERA_INVALID, "isa", "7");
}

TEST_F(CApi, ExplainsItsSteps) {
  start();
  std::vector<std::string> kernels;
  const auto step = [](void* user, const tessera_step* info) {
    EXPECT_GT(info->seconds, 0);
    static_cast<std::vector<std::string>*>(user)->push_back(info->kernel);
  };
  ASSERT_EQ(tessera_session_explain(session_, 2, step, &kernels), TESSERA_OK) << tessera_error_message();
  const auto same = Model::load(path_).compile({.threads = 1}).explain();
  ASSERT_EQ(kernels.size(), same.size());
  for (std::size_t i = 0; i < same.size(); ++i) EXPECT_EQ(kernels[i], same[i].kernel);
}

TEST_F(CApi, WarnsOfInputsThatInt8HasNoCodeFor) {
  auto options = sized<tessera_session_options>();
  options.precision = TESSERA_PRECISION_INT8;
  expect_error(tessera_session_create(model_, &options, &session_), TESSERA_INVALID, "int8", "no calibration data");
  options.synthetic_calibration = 1;
  start(options);
  Tensor image = random_tensor(Shape{1, 3, 20, 20}, 1);
  image.mutable_as<float>()[7] = std::numeric_limits<float>::quiet_NaN();
  const tessera_tensor c = input(image);
  tessera_outputs* outputs = nullptr;
  ASSERT_EQ(tessera_session_run(session_, &c, 1, &outputs), TESSERA_OK) << tessera_error_message();
  tessera_outputs_free(outputs);

  std::vector<std::string> told;
  const auto warning = [](void* user, const tessera_warning* w) {
    static_cast<std::vector<std::string>*>(user)->push_back(std::string(w->code) + " " + w->subject + " " +
                                                            std::to_string(w->count));
    EXPECT_STRNE(w->message, "");
  };
  ASSERT_EQ(tessera_session_warnings(session_, warning, &told), TESSERA_OK) << tessera_error_message();
  EXPECT_EQ(told, std::vector<std::string>{"non_finite_input image 1"});
}

TEST_F(CApi, SaysWhatMemoryItHolds) {
  start();
  tessera_memory memory = {};
  ASSERT_EQ(tessera_session_memory(session_, &memory), TESSERA_OK) << tessera_error_message();
  const MemoryInfo same = Model::load(path_).compile({.threads = 1}).memory();
  EXPECT_EQ(memory.packed_weights, same.packed_weights);
  EXPECT_EQ(memory.arena, same.arena);
  EXPECT_EQ(memory.plan_count, 1U);
  EXPECT_EQ(memory.plan_limit, same.plan_limit);
}

TEST_F(CApi, PackedModelsGiveTheSameBits) {
  const std::string packed = (folder_ / "small.tsr").string();
  auto options = sized<tessera_session_options>();
  options.isa = TESSERA_ISA_AVX2;
  ASSERT_EQ(tessera_model_save_packed(model_, packed.c_str(), &options), TESSERA_OK) << tessera_error_message();
  tessera_model_free(model_);
  model_ = nullptr;
  ASSERT_EQ(tessera_model_load(packed.c_str(), &model_), TESSERA_OK) << tessera_error_message();
  start();
  EXPECT_EQ(tessera_session_isa(session_), TESSERA_ISA_AVX2);
  const TensorMap inputs = image(2);
  const tessera_tensor c = input(inputs.at("image"));
  tessera_outputs* outputs = nullptr;
  ASSERT_EQ(tessera_session_run(session_, &c, 1, &outputs), TESSERA_OK) << tessera_error_message();
  EXPECT_TRUE(same_bits(taken(outputs), from_cpp(2)));
}

struct Items {
  std::vector<Tensor> tensors;
  std::int64_t refuse_from = 1000;

  static tessera_status supply(void* user, std::int64_t index, tessera_tensor* inputs) {
    const auto* items = static_cast<const Items*>(user);
    if (index >= items->refuse_from) return TESSERA_UNAVAILABLE;
    EXPECT_STREQ(inputs[0].name, "image");
    const Tensor& tensor = items->tensors[static_cast<std::size_t>(index)];
    inputs[0].type = TESSERA_TYPE_F32;
    inputs[0].rank = tensor.shape().rank();
    std::ranges::copy(tensor.shape().dims(), inputs[0].shape);
    inputs[0].data = const_cast<std::byte*>(tensor.data());
    return TESSERA_OK;
  }
};

TEST_F(CApi, QuantizesAsTheCppApiDoes) {
  Items items;
  for (unsigned i = 0; i < 4; ++i) items.tensors.push_back(random_tensor(Shape{1, 3, 20, 20}, i));
  auto options = sized<tessera_quantize_options>();
  options.method = "minmax";
  options.skip_sensitivity = 1;
  tessera_model* quantized = nullptr;
  ASSERT_EQ(tessera_model_quantize(model_, Items::supply, &items, 4, &options, &quantized), TESSERA_OK)
      << tessera_error_message();
  tessera_model_free(model_);
  model_ = quantized;
  auto session = sized<tessera_session_options>();
  session.precision = TESSERA_PRECISION_INT8;
  start(session);
  const TensorMap inputs = image(2);
  const tessera_tensor c = input(inputs.at("image"));
  tessera_outputs* outputs = nullptr;
  ASSERT_EQ(tessera_session_run(session_, &c, 1, &outputs), TESSERA_OK) << tessera_error_message();

  QuantizeOptions same;
  same.calibration.method = CalibrationMethod::minmax;
  same.speed_aware = same.sensitivity = false;
  ItemSource source;
  source.size = 4;
  source.item = [&](std::int64_t i) { return TensorMap{{"image", items.tensors[static_cast<std::size_t>(i)]}}; };
  const Model wanted = Model::load(path_).quantize(source, same);
  EXPECT_TRUE(
      same_bits(taken(outputs), only(wanted.compile({.precision = Precision::int8, .threads = 1}).run(inputs))));
  const std::string saved = (folder_ / "int8.onnx").string();
  ASSERT_EQ(tessera_model_save(model_, saved.c_str()), TESSERA_OK) << tessera_error_message();
  EXPECT_TRUE(std::filesystem::exists(saved));
}

TEST_F(CApi, AQuantizationThatLosesTooMuchFails) {
  Items items;
  for (unsigned i = 0; i < 4; ++i) items.tensors.push_back(random_tensor(Shape{1, 3, 20, 20}, i));
  auto options = sized<tessera_quantize_options>();
  const double nothing_holds = -101;
  options.max_drop = &nothing_holds;
  tessera_model* quantized = model_;
  expect_error(tessera_model_quantize(model_, Items::supply, &items, 4, &options, &quantized), TESSERA_FAILED,
               "quantization", "max_drop");
  EXPECT_EQ(quantized, nullptr);
}

TEST_F(CApi, AQuantizationEndsWithTheStatusOfItsCallback) {
  Items items;
  for (unsigned i = 0; i < 4; ++i) items.tensors.push_back(random_tensor(Shape{1, 3, 20, 20}, i));
  items.refuse_from = 2;
  tessera_model* quantized = model_;
  expect_error(tessera_model_quantize(model_, Items::supply, &items, 4, nullptr, &quantized), TESSERA_UNAVAILABLE,
               "calibration data", "gave up");
  EXPECT_EQ(quantized, nullptr);
  auto options = sized<tessera_quantize_options>();
  options.method = "guess";
  expect_error(tessera_model_quantize(model_, Items::supply, &items, 4, &options, &quantized), TESSERA_INVALID,
               "method guess", "does not exist");
}

}  // namespace
}  // namespace tessera::testing
