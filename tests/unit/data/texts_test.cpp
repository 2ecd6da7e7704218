#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "data/open_dataset.hpp"
#include "unit/data/support.hpp"

namespace tessera {
namespace {

using namespace data_testing;

using Ids = std::vector<std::int64_t>;

class DataTexts : public ::testing::Test {
 protected:
  DataTexts() { put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n##b\n"); }

  void put(const std::string& name, const std::string& bytes) { write_bytes(folder_.file(name), bytes); }
  std::unique_ptr<Dataset> open(const std::string& name, std::int64_t classes = 0,
                                const std::string& sequence = "sequence") {
    DatasetModel model{"bert-base", text_inputs(sequence), {}};
    if (classes > 0) model.outputs = {{"logits", DataType::f32, {"batch", std::to_string(classes)}}};
    return open_dataset(folder_.file(name), model);
  }
  static Ids values(const TensorMap& item, const std::string& name) {
    const auto elements = item.at(name).as<std::int64_t>();
    return {elements.begin(), elements.end()};
  }

  const TemporaryFolder folder_;
};

TEST_F(DataTexts, OnePerLine) {
  put("lines.txt",
      "\xef\xbb\xbf"
      "a B\r\n\r\n  \nab\ta\n");
  const auto dataset = open("lines.txt");
  ASSERT_EQ(dataset->size(), 2);
  const TensorMap first = dataset->item(0);
  EXPECT_EQ(first.size(), 3U);
  EXPECT_EQ(first.at("input_ids").shape(), (Shape{1, 4}));
  EXPECT_EQ(values(first, "input_ids"), (Ids{2, 4, 5, 3}));
  EXPECT_EQ(values(first, "attention_mask"), (Ids{1, 1, 1, 1}));
  EXPECT_EQ(values(first, "token_type_ids"), (Ids{0, 0, 0, 0}));
  EXPECT_EQ(values(dataset->item(1), "input_ids"), (Ids{2, 4, 6, 4, 3}));
  EXPECT_NE(dataset->describe(1).find("lines.txt: line 4"), std::string::npos);
  EXPECT_EQ(dataset->label(0), std::nullopt);
}

TEST_F(DataTexts, OnlyTheInputsThatTheModelHas) {
  put("lines.txt", "a");
  const std::vector<TensorInfo> inputs = {{"input_ids", DataType::i64, {"n", "t"}}};
  EXPECT_EQ(open_dataset(folder_.file("lines.txt"), {"", inputs, {}})->item(0).size(), 1U);
}

TEST_F(DataTexts, ABatchIsPaddedToItsLongest) {
  put("lines.txt", "a\na b a\n");
  const TensorMap batch = open("lines.txt")->batch(std::vector<std::int64_t>{0, 1});
  EXPECT_EQ(batch.at("input_ids").shape(), (Shape{2, 5}));
  EXPECT_EQ(values(batch, "input_ids"), (Ids{2, 4, 3, 0, 0, 2, 4, 5, 4, 3}));
  EXPECT_EQ(values(batch, "attention_mask"), (Ids{1, 1, 1, 0, 0, 1, 1, 1, 1, 1}));
}

TEST_F(DataTexts, AFixedSequenceIsFilledOrCut) {
  put("lines.txt", "a\na b a b\n");
  const auto dataset = open("lines.txt", 0, "4");
  EXPECT_EQ(values(dataset->item(0), "input_ids"), (Ids{2, 4, 3, 0}));
  EXPECT_EQ(values(dataset->item(0), "attention_mask"), (Ids{1, 1, 1, 0}));
  EXPECT_EQ(values(dataset->item(1), "input_ids"), (Ids{2, 4, 5, 3}));
  expect_error(ErrorKind::invalid, {"lines.txt", "sequence"}, [this] { open("lines.txt", 0, "1"); });
}

TEST_F(DataTexts, Labels) {
  put("data.txt", "1\ta\n0\tb b\n");
  auto dataset = open("data.txt", 2);
  EXPECT_EQ(dataset->label(0), 1);
  EXPECT_EQ(dataset->label(1), 0);
  EXPECT_EQ(values(dataset->item(1), "input_ids"), (Ids{2, 5, 5, 3}));

  put("names.tsv", "good\ta\nbad\tb\n");
  expect_error(ErrorKind::invalid, {"names.tsv: line 1", "'good'"}, [this] { open("names.tsv"); });
  put("config.json", R"({"id2label": {"0": "bad", "1": "good"}})");
  EXPECT_EQ(open("names.tsv")->label(0), 1);
  std::filesystem::remove(folder_.file("config.json"));
  put("labels.json", R"(["good", "bad"])");
  EXPECT_EQ(open("names.tsv")->label(1), 1);
}

TEST_F(DataTexts, BadLinesAreNamed) {
  const auto refused = [this](const std::string& bytes, const std::string& part) {
    put("data.tsv", bytes);
    expect_error(ErrorKind::invalid, {"data.tsv", part}, [this] { open("data.tsv", 3); });
  };
  refused("1\ta\n2 b\n", "line 2: has no TAB");
  refused("1\ta\n\n-1\tb\n", "line 3: '-1'");
  refused("1\ta\n3\tb\n", "line 2: label 3");
  refused("1\ta\n2\t \n", "line 2: has no text");
  refused("", "empty");
  refused("\n \n", "holds no text");
  refused(std::string("a\0b", 3), "not a text file");

  put("latin.txt", "a\ncaf\xe9\n");
  const auto dataset = open("latin.txt");
  EXPECT_EQ(dataset->item(0).size(), 3U);
  expect_error(ErrorKind::invalid, {"latin.txt: line 2", "UTF-8"}, [&] { static_cast<void>(dataset->item(1)); });
  expect_error(ErrorKind::invalid, {"latin.txt: line 2", "UTF-8"}, [&] {
    static_cast<void>(dataset->batch(std::vector<std::int64_t>{0, 1}));
  });
}

TEST_F(DataTexts, WithoutAVocabularyOrForAnotherModel) {
  put("lines.txt", "a\n");
  expect_error(ErrorKind::invalid, {"lines.txt", "PNG"}, [this] {
    open_dataset(folder_.file("lines.txt"), {"", image_inputs(), {}});
  });
  expect_error(ErrorKind::invalid, {"folder", ".npz"}, [this] { open(""); });
  std::filesystem::remove(folder_.file("vocab.txt"));
  expect_error(ErrorKind::invalid, {"lines.txt", "vocab.txt"}, [this] { open("lines.txt"); });
}

// The expected ids come from the tokenizer that the model was trained with.
TEST(DataTextsOfTheTestSet, EveryLineHasTheExpectedIds) {
  const DatasetModel model{test_data("text/model.onnx"), text_inputs(), {{"logits", DataType::f32, {"batch", "4"}}}};
  const auto dataset = open_dataset(test_data("text/test.tsv"), model);
  const std::vector<std::string> expected = lines_of(test_data("text/test_ids.txt"));
  ASSERT_EQ(expected.size(), 1000U);
  ASSERT_EQ(dataset->size(), 1000);
  int different = 0;
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    std::string ids;
    const TensorMap item = dataset->item(i);
    for (const std::int64_t id : item.at("input_ids").as<std::int64_t>())
      ids += (ids.empty() ? "" : " ") + std::to_string(id);
    if (ids != expected[static_cast<std::size_t>(i)] && ++different < 5)
      ADD_FAILURE() << dataset->describe(i) << "\n" << ids << "\n" << expected[static_cast<std::size_t>(i)];
  }
  EXPECT_EQ(different, 0);
}

}  // namespace
}  // namespace tessera
