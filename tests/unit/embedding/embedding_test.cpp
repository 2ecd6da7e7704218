// Pooling and what stands in a folder about it. Whole encoders: tests/hub.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "embedding/sentence_modules.hpp"
#include "unit/formats/support.hpp"

namespace tessera {
namespace {

using namespace formats_testing;

using Row = std::vector<float>;

/// Two texts of 3 and 1 tokens, each token of 2 elements.
Tensor tokens() {
  return Tensor::from<float>(Shape{2, 3, 2}, Row{1, -1, 2, 5, 6, -7, 4, 8, 100, 100, 100, 100});
}
Tensor mask() {
  return Tensor::from<std::int64_t>(Shape{2, 3}, std::vector<std::int64_t>{1, 1, 1, 1, 0, 0});
}

std::vector<Row> pool(std::vector<Pooling> pooling) {
  SentenceModules modules;
  modules.pooling = std::move(pooling);
  return pooled(modules, tokens(), mask());
}

TEST(EmbeddingPooling, TakesOnlyTokensThatAreThere) {
  EXPECT_EQ(pool({Pooling::cls}), (std::vector<Row>{{1, -1}, {4, 8}}));
  EXPECT_EQ(pool({Pooling::max}), (std::vector<Row>{{6, 5}, {4, 8}}));
  EXPECT_EQ(pool({Pooling::mean}), (std::vector<Row>{{3, -1}, {4, 8}}));
  const auto root = static_cast<float>(std::sqrt(3.0));
  const auto by_root = pool({Pooling::mean_sqrt_len});
  EXPECT_FLOAT_EQ(by_root[0][0], 9 / root);
  EXPECT_FLOAT_EQ(by_root[0][1], -3 / root);
  EXPECT_EQ(by_root[1], (Row{4, 8}));
  EXPECT_EQ(pool({Pooling::cls, Pooling::mean})[0], (Row{1, -1, 3, -1}));
}

TEST(EmbeddingPooling, LinearLayersFollow) {
  SentenceModules modules;
  modules.dense.push_back(
      {Tensor::from<float>(Shape{3, 2}, Row{1, 0, 0, 1, 1, 1}), Tensor::from<float>(Shape{3}, Row{0, 1, 2}), false});
  modules.dense.push_back({Tensor::from<float>(Shape{1, 3}, Row{0.5F, 0, 0}), Tensor(), true});
  const auto result = pooled(modules, tokens(), mask());
  EXPECT_EQ(result[0], Row{static_cast<float>(std::tanh(1.5))});
  EXPECT_EQ(result[1], Row{static_cast<float>(std::tanh(2.0))});
}

class EmbeddingFolders : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) {
    std::filesystem::create_directories(std::filesystem::path(folder_.file(name)).parent_path());
    write_bytes(folder_.file(name), bytes);
  }
  void put_modules(const std::string& last) {
    put("modules.json", R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"})" +
                            last + "]");
  }
  SentenceModules read() const { return read_sentence_modules(folder_.path()); }

  const TemporaryFolder folder_;
};

TEST_F(EmbeddingFolders, WithoutModulesTheMean) {
  EXPECT_EQ(read().pooling, std::vector{Pooling::mean});
  EXPECT_FALSE(read().normalize);
  EXPECT_EQ(read().encoder, folder_.path());
}

TEST_F(EmbeddingFolders, OldAndNewFiles) {
  put_modules(R"(, {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"})");
  put("1_Pooling/config.json", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  EXPECT_EQ(read().pooling, std::vector{Pooling::cls});
  EXPECT_TRUE(read().normalize);
  put("1_Pooling/config.json", R"({"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true})");
  EXPECT_EQ(read().pooling, (std::vector{Pooling::cls, Pooling::max}));
  put("1_Pooling/config.json", R"({"pooling_mode": ["mean", "cls"]})");
  EXPECT_EQ(read().pooling, (std::vector{Pooling::mean, Pooling::cls}));
  put("1_Pooling/config.json", R"({"pooling_mode": "lasttoken"})");
  expect_error(ErrorKind::invalid, {"1_Pooling", "pooling_mode"}, [this] { read(); });
  put("1_Pooling/config.json", R"({"pooling_mode_lasttoken": true})");
  expect_error(ErrorKind::invalid, {"1_Pooling", "pooling_mode_lasttoken"}, [this] { read(); });
}

TEST_F(EmbeddingFolders, ThePromptThatIsUsedByDefault) {
  put_modules("");
  put("1_Pooling/config.json", "{}");
  put("config_sentence_transformers.json", R"({"prompts": {"q": "query: "}, "default_prompt_name": null})");
  EXPECT_EQ(read().prompt, "");
  put("config_sentence_transformers.json", R"({"prompts": {"q": "query: "}, "default_prompt_name": "q"})");
  EXPECT_EQ(read().prompt, "query: ");
}

TEST_F(EmbeddingFolders, WhatIsNotKnownIsRefused) {
  put("1_Pooling/config.json", "{}");
  put_modules(R"(, {"type": "sentence_transformers.models.CNN", "path": "2_CNN"})");
  expect_error(ErrorKind::invalid, {"modules.json", "CNN"}, [this] { read(); });
  put_modules(R"(, {"type": "sentence_transformers.models.Dense", "path": "../elsewhere"})");
  expect_error(ErrorKind::invalid, {"modules.json", "path"}, [this] { read(); });
  put("modules.json", R"({"a": 1})");
  expect_error(ErrorKind::invalid, {"modules.json", "list"}, [this] { read(); });
}

}  // namespace
}  // namespace tessera
