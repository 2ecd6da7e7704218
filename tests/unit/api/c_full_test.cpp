// The encoder and the comparison in C give what those of C++ give.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tessera/compare.h"
#include "tessera/encoder.h"
#include "tessera/encoder.hpp"
#include "unit/data/support.hpp"
#include "unit/formats/support.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using data_testing::TemporaryFolder;

template <class Options>
Options with_size() {
  Options options = {};
  options.struct_size = sizeof options;
  return options;
}

const std::vector<const char*> texts = {"The soup was cold.", "A friendly waiter!", "Great"};

/// The trained classifier of tests/data without its head.
class CEncoder : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"model.safetensors", "vocab.txt", "tokenizer_config.json"})
      fs::copy_file(test_data(std::string("text/") + name), folder_.file(name));
    std::ifstream file(test_data("text/config.json"));
    auto config = nlohmann::json::parse(file);
    config["architectures"] = {"BertModel"};
    std::ofstream(folder_.file("config.json")) << config;
  }
  void TearDown() override { tessera_encoder_free(encoder_); }

  void load(const tessera_session_options* session = nullptr) {
    auto options = with_size<tessera_encoder_options>();
    options.session = session;
    options.calibration_texts = texts.data();
    options.calibration_text_count = texts.size();
    ASSERT_EQ(tessera_encoder_load(folder_.path().c_str(), &options, &encoder_), TESSERA_OK) << tessera_error_message();
  }

  std::vector<float> encode(const tessera_encode_options* options = nullptr) {
    std::vector<float> embeddings(texts.size() * tessera_encoder_hidden(encoder_));
    EXPECT_EQ(
        tessera_encoder_encode(encoder_, texts.data(), texts.size(), options, embeddings.data(), embeddings.size()),
        TESSERA_OK)
        << tessera_error_message();
    return embeddings;
  }

  std::vector<float> from_cpp(const EncoderOptions& options, const EncodeOptions& how = {}) {
    const Tensor tensor = Encoder(folder_.path(), options).encode({texts.begin(), texts.end()}, how);
    const auto numbers = tensor.as<float>();
    return {numbers.begin(), numbers.end()};
  }

  const TemporaryFolder folder_;
  tessera_encoder* encoder_ = nullptr;
};

TEST_F(CEncoder, GivesTheEmbeddingsOfCpp) {
  auto session = with_size<tessera_session_options>();
  session.threads = 1;
  load(&session);
  EncoderOptions same;
  same.session.threads = 1;
  EXPECT_EQ(encode(), from_cpp(same));
  const Encoder encoder(folder_.path(), same);
  EXPECT_EQ(tessera_encoder_hidden(encoder_), static_cast<std::size_t>(encoder.hidden()));
  EXPECT_EQ(tessera_encoder_max_tokens(encoder_), static_cast<std::size_t>(encoder.max_tokens()));
  auto raw = with_size<tessera_encode_options>();
  raw.batch_size = 1;
  raw.keep_length = 1;
  EXPECT_EQ(encode(&raw), from_cpp(same, {.batch_size = 1, .normalize = false}));
  EXPECT_NE(encode(&raw), encode());
}

TEST_F(CEncoder, ItsSessionAndItsCalibrationTextsAreThoseThatWereGiven) {
  auto session = with_size<tessera_session_options>();
  session.threads = 1;
  session.isa = TESSERA_ISA_AVX2;
  session.precision = TESSERA_PRECISION_INT8;
  load(&session);
  EncoderOptions same;
  same.session.threads = 1;
  same.session.isa = Isa::avx2;
  same.session.precision = Precision::int8;
  same.calibration_texts = {texts.begin(), texts.end()};
  EXPECT_EQ(encode(), from_cpp(same));
}

TEST_F(CEncoder, SaysWhatIsWrong) {
  EXPECT_EQ(tessera_encoder_load("nowhere", nullptr, &encoder_), TESSERA_INVALID);
  EXPECT_EQ(encoder_, nullptr);
  EXPECT_EQ(tessera_encoder_load(nullptr, nullptr, &encoder_), TESSERA_INVALID);
  EXPECT_EQ(tessera_encoder_hidden(nullptr), 0U);
  load();
  std::vector<float> room(texts.size() * tessera_encoder_hidden(encoder_));
  EXPECT_EQ(tessera_encoder_encode(encoder_, texts.data(), texts.size(), nullptr, room.data(), room.size() - 1),
            TESSERA_INVALID);
  EXPECT_STREQ(tessera_error_what(), "capacity");
  const char* const missing[] = {"a text", nullptr};
  EXPECT_EQ(tessera_encoder_encode(encoder_, missing, 2, nullptr, room.data(), room.size()), TESSERA_INVALID);
  EXPECT_STREQ(tessera_error_what(), "texts number 1");
  EXPECT_EQ(tessera_encoder_encode(encoder_, nullptr, 0, nullptr, nullptr, 0), TESSERA_OK) << "no texts, no embeddings";
}

/// The comparison of the image model on its own data.
class CCompare : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.cases = cases_;
    options_.case_count = 2;
    options_.samples = 4;
    options_.warmup = -1;
    options_.threads = 1;
    options_.calibration = options_.data = images_.c_str();
    options_.accuracy_inputs = 4;
  }
  void TearDown() override { tessera_comparison_free(comparison_); }

  tessera_status compare() {
    const char* const models[] = {model_.c_str()};
    return tessera_compare(models, 1, &options_, &comparison_);
  }

  const std::string model_ = test_data("image/model.onnx"), images_ = test_data("image/calib");
  const char* cases_[2] = {"fp32@avx2", "int8@avx2"};
  tessera_compare_options options_ = with_size<tessera_compare_options>();
  tessera_comparison* comparison_ = nullptr;
};

TEST_F(CCompare, TheReportInEveryForm) {
  std::vector<double> fractions;
  options_.progress = [](void* user, const char* activity, double fraction) {
    EXPECT_STRNE(activity, "");
    static_cast<std::vector<double>*>(user)->push_back(fraction);
  };
  options_.progress_user = &fractions;
  ASSERT_EQ(compare(), TESSERA_OK) << tessera_error_message();
  EXPECT_FALSE(fractions.empty());
  const auto report = nlohmann::json::parse(tessera_comparison_json(comparison_));
  EXPECT_EQ(report["protocol"]["warmup"], 0);
  EXPECT_EQ(report["protocol"]["samples"], 4);
  const auto& cases = report["models"][0]["cases"];
  ASSERT_EQ(cases.size(), 2U);
  for (const auto& row : cases) EXPECT_EQ(row["status"], "ok") << row;
  EXPECT_GT(cases[1]["accuracy"]["cosine"], 0.9);
  EXPECT_NE(std::string(tessera_comparison_text(comparison_)).find("int8@avx2"), std::string::npos);
  const TemporaryFolder folder;
  ASSERT_EQ(tessera_comparison_save(comparison_, folder.path().c_str()), TESSERA_OK) << tessera_error_message();
  EXPECT_TRUE(fs::exists(folder.file("report.html")));
}

TEST_F(CCompare, ASymbolThatStandsSeveralTimesMakesASweep) {
  const tessera_extent batches[] = {{"batch", 1}, {"batch", 3}};
  options_.extents = batches;
  options_.extent_count = 2;
  options_.case_count = 1;
  ASSERT_EQ(compare(), TESSERA_OK) << tessera_error_message();
  const auto report = nlohmann::json::parse(tessera_comparison_json(comparison_));
  const auto& points = report["models"][0]["points"];
  ASSERT_EQ(points.size(), 2U) << report["models"][0];
  EXPECT_EQ(points[0]["batch"], 1);
  EXPECT_EQ(points[1]["batch"], 3);
}

TEST_F(CCompare, SaysWhatIsWrong) {
  cases_[1] = "int4";
  EXPECT_EQ(compare(), TESSERA_INVALID);
  EXPECT_EQ(comparison_, nullptr);
  EXPECT_EQ(tessera_compare(nullptr, 0, nullptr, &comparison_), TESSERA_INVALID);
  EXPECT_STREQ(tessera_error_what(), "models");
  EXPECT_EQ(tessera_comparison_json(nullptr), nullptr);
  EXPECT_EQ(tessera_comparison_save(nullptr, "folder"), TESSERA_INVALID);
}

}  // namespace
}  // namespace tessera
