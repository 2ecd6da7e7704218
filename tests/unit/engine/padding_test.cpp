// SessionOptions::skip_padding: what the mask calls padding is not computed, and nothing else changes.
#include "engine/padding.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "formats/onnx_writer.hpp"
#include "tessera/tessera.hpp"
#include "unit/engine/support.hpp"
#include "unit/support/bert_like.hpp"
#include "unit/support/test_data.hpp"

namespace tessera {
namespace {

using testing::BertLike;
using testing::ints;
using testing::Net;

// ---- Groups ---------------------------------------------------------------------------------------------------------

TEST(LengthGroups, HoldEveryRowOnceAndNoneThatIsLonger) {
  const std::vector<std::int64_t> lengths = {4, 256, 33, 40, 1, 128, 31, 255, 100, 8};
  const std::vector<LengthGroup> groups = group_by_length(lengths, 256, 2);
  EXPECT_GT(groups.size(), 1U);
  std::vector<std::int64_t> seen;
  std::int64_t before = 257;
  for (const LengthGroup& group : groups) {
    EXPECT_LT(group.length, before);
    before = group.length;
    for (const std::int64_t row : group.rows) {
      EXPECT_LE(lengths[static_cast<std::size_t>(row)], group.length);
      seen.push_back(row);
    }
  }
  std::ranges::sort(seen);
  std::vector<std::int64_t> all(lengths.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  EXPECT_EQ(seen, all);
}

TEST(LengthGroups, AreFewWhereLittleWouldBeSaved) {
  const auto lengths_of = [](std::span<const LengthGroup> groups) {
    std::vector<std::int64_t> lengths;
    for (const LengthGroup& group : groups) lengths.push_back(group.length);
    return lengths;
  };
  using Lengths = std::vector<std::int64_t>;
  EXPECT_EQ(lengths_of(group_by_length(Lengths{60, 61, 64}, 100, 1)), (Lengths{64}));
  EXPECT_EQ(lengths_of(group_by_length(Lengths{60, 64, 4, 5}, 100, 1)), (Lengths{64, 8}));
  EXPECT_EQ(lengths_of(group_by_length(Lengths{97, 100}, 100, 1)), (Lengths{100}));  // not rounded up beyond the batch
  EXPECT_EQ(lengths_of(group_by_length(Lengths{16, 8}, 100, 1)), (Lengths{16}));
}

TEST(LengthGroups, HaveARowForEachThreadWhereThatCostsLittlePadding) {
  const std::vector<std::int64_t> lengths = {256, 220, 80, 40};
  const auto rows_of = [&](int threads) {
    std::vector<std::size_t> rows;
    for (const LengthGroup& group : group_by_length(lengths, 256, threads)) rows.push_back(group.rows.size());
    return rows;
  };
  EXPECT_EQ(rows_of(1), (std::vector<std::size_t>{1, 1, 1, 1}));
  EXPECT_EQ(rows_of(2), (std::vector<std::size_t>{2, 1, 1}));
}

// ---- Models ---------------------------------------------------------------------------------------------------------

/// A batch with ones in the mask up to these lengths, and tokens everywhere.
TensorMap batch_of(const Model& model, const std::vector<std::int64_t>& lengths, std::int64_t longest) {
  TensorMap inputs = model.random_inputs({{"batch", static_cast<std::int64_t>(lengths.size())}, {"seq", longest}}, 5);
  Tensor& mask = inputs.contains("mask") ? inputs.at("mask") : inputs.at("attention_mask");
  const auto elements = mask.mutable_as<std::int64_t>();
  for (std::size_t i = 0; i < elements.size(); ++i)
    elements[i] = static_cast<std::int64_t>(i) % longest < lengths[i / static_cast<std::size_t>(longest)] ? 1 : 0;
  return inputs;
}

/// What a padded run makes of a row, with zeros behind its end where the output has positions.
void expect_same_but_for_padding(const Tensor& skipped, Tensor padded, const std::vector<std::int64_t>& lengths,
                                 bool has_positions) {
  ASSERT_EQ(skipped.shape(), padded.shape());
  if (has_positions) {
    const std::int64_t hidden = padded.shape()[2], longest = padded.shape()[1];
    auto elements = padded.mutable_as<float>();
    for (std::size_t row = 0; row < lengths.size(); ++row)
      std::ranges::fill(
          elements.subspan((row * static_cast<std::size_t>(longest) + static_cast<std::size_t>(lengths[row])) *
                               static_cast<std::size_t>(hidden),
                           static_cast<std::size_t>((longest - lengths[row]) * hidden)),
          0.0F);
  }
  EXPECT_TRUE(testing::same_bits(skipped, padded));
}

class SkippedPadding : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("tessera-padding-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Model written(Graph graph) {
    infer_shapes(graph);
    const std::string path = (folder_ / "model.onnx").string();
    write_onnx(graph, path);
    return Model::load(path);
  }

  std::filesystem::path folder_;
};

TEST_F(SkippedPadding, IsNotComputedAndTheRestKeepsItsBits) {
  const Model model = written(BertLike(false, false).graph);
  const std::vector<std::int64_t> lengths = {3, 16, 8, 1, 2, 7, 5, 4, 16};
  const TensorMap inputs = batch_of(model, lengths, 16);
  for (const Isa isa : testing::tiers_here())
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8, Precision::int8_dynamic})
      for (const int threads : {1, 2}) {
        SCOPED_TRACE(std::string(name_of(isa)) + " " + std::string(name_of(precision)) + " " + std::to_string(threads));
        SessionOptions options{.precision = precision, .isa = isa, .threads = threads};
        options.calibration_options.synthetic = true;
        Session padded = model.compile(options);
        options.skip_padding = true;
        Session skipping = model.compile(options);
        const TensorMap expected = padded.run(inputs), outputs = skipping.run(inputs);
        ASSERT_EQ(outputs.size(), expected.size());
        for (const auto& [name, tensor] : outputs)
          expect_same_but_for_padding(tensor, expected.at(name), lengths, tensor.shape().rank() == 3);
      }
}

/// The table of positions ends at 16: a batch padded to 24 can only run where the padding is left out.
TEST_F(SkippedPadding, MayReachBeyondWhatTheModelTakes) {
  const Model model = written(BertLike(false, false).graph);
  TensorMap inputs = batch_of(model, {3, 11}, 16);
  for (auto& [name, tensor] : inputs) {
    Tensor longer(DataType::i64, {2, 24});
    for (std::size_t row = 0; row < 2; ++row)
      std::ranges::copy(tensor.as<std::int64_t>().subspan(row * 16, 16),
                        longer.mutable_as<std::int64_t>().data() + row * 24);
    tensor = longer;
  }
  EXPECT_THROW(model.compile({.threads = 1}).run(inputs), Error);
  const TensorMap outputs = model.compile({.threads = 1, .skip_padding = true}).run(inputs);
  EXPECT_TRUE(std::ranges::all_of(outputs, [](const auto& entry) { return entry.second.shape()[0] == 2; }));
}

TEST_F(SkippedPadding, HolesAndRowsWithoutAMaskCountInFull) {
  const Model model = written(BertLike(false, false).graph);
  const std::vector<std::int64_t> lengths = {12, 16, 3, 2, 4, 5, 6, 7, 8};
  TensorMap inputs = batch_of(model, lengths, 16);
  const auto mask = inputs.at("mask").mutable_as<std::int64_t>();
  mask[2] = mask[5] = 0;                       // holes in a row of 12
  std::ranges::fill(mask.subspan(16, 16), 0);  // nothing at all
  const TensorMap expected = model.compile({.threads = 1}).run(inputs);
  const TensorMap outputs = model.compile({.threads = 1, .skip_padding = true}).run(inputs);
  for (const auto& [name, tensor] : outputs)
    expect_same_but_for_padding(tensor, expected.at(name), lengths, tensor.shape().rank() == 3);
}

TEST(SkippedPaddingOfATextModel, IsLeftOutOfAsynchronousRequests) {
  const Model model = Model::load(test_data("text/model.onnx"));
  const std::vector<std::int64_t> lengths = {5, 60, 17, 2};
  const TensorMap inputs = batch_of(model, lengths, 60);
  const TensorMap expected = model.compile({.threads = 2}).run(inputs);
  Session session = model.compile({.threads = 1, .skip_padding = true, .streams = 2});
  std::vector<std::future<TensorMap>> results;
  for (int i = 0; i < 4; ++i) results.push_back(session.run_async(inputs));
  for (auto& result : results) EXPECT_TRUE(testing::same_bits(result.get().at("logits"), expected.at("logits")));
  TensorMap wrong = inputs;
  wrong.erase("attention_mask");
  EXPECT_THROW(session.run(wrong), Error);
}

// ---- Refusals -------------------------------------------------------------------------------------------------------

void expect_no_skipping(const Model& model, const std::string& why) {
  try {
    static_cast<void>(model.compile({.threads = 1, .skip_padding = true}));
    ADD_FAILURE() << "not refused: " << why;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
  }
}

/// Embeddings, and `finish` of them [batch, seq, 8] and the mask.
template <typename Finish>
Graph embeddings(const std::vector<Dim>& extents, Finish finish) {
  Net net;
  const ValueId ids = net.input("ids", extents, DataType::i64);
  const ValueId mask = net.input("mask", extents, DataType::i64);
  const ValueId x = net.op("Gather", {net.weight({50, 8}, 1), ids});
  net.output(finish(net, x, net.op("Cast", {mask}, {{"to", std::int64_t{1}}})));
  return net.graph;
}

TEST_F(SkippedPadding, IsNotSkippedWhereResultsDependOnIt) {
  const std::vector<Dim> any = {Dim("batch"), Dim("seq")};
  const Attributes over_positions{{"axes", ints({1})}, {"keepdims", std::int64_t{0}}};
  expect_no_skipping(
      written(embeddings(any,
                         [&](Net& net, ValueId x, ValueId mask) {
                           const ValueId mean = net.op("ReduceMean", {x}, over_positions);
                           return net.op("Add", {mean, net.op("ReduceMean", {mask}, {{"axes", ints({1})}})});
                         })),
      "depends on what stands behind the end");
  // The same mean, of what the mask leaves.
  const Model masked = written(embeddings(any, [&](Net& net, ValueId x, ValueId mask) {
    const ValueId wide = net.op("Unsqueeze", {mask, net.constant(testing::indices({2}))});
    return net.op("Add", {net.op("Mul", {x, wide}), wide});
  }));
  const std::vector<std::int64_t> lengths = {40, 3};
  const TensorMap inputs = batch_of(masked, lengths, 40);
  const TensorMap expected = masked.compile({.threads = 1}).run(inputs);
  for (const auto& [name, tensor] : masked.compile({.threads = 1, .skip_padding = true}).run(inputs))
    expect_same_but_for_padding(tensor, expected.at(name), lengths, true);
}

TEST_F(SkippedPadding, NeedsAMaskAndExtentsThatCanBeCut) {
  expect_no_skipping(Model::load(test_data("image/model.onnx")), "no input called attention_mask");
  const auto sum = [](Net& net, ValueId x, ValueId mask) {
    return net.op("Add", {x, net.op("Unsqueeze", {mask, net.constant(testing::indices({2}))})});
  };
  expect_no_skipping(written(embeddings({Dim("batch"), 12}, sum)), "not one of any batch and any length");
  expect_no_skipping(
      written(embeddings({Dim("batch"), Dim("seq")},
                         [&](Net& net, ValueId x, ValueId mask) {
                           return net.op("Reshape", {sum(net, x, mask), net.constant(testing::indices({-1, 8}))});
                         })),
      "computed from others");
  expect_no_skipping(written(embeddings({Dim("batch"), Dim("seq")},
                                        [&](Net& net, ValueId x, ValueId mask) {
                                          return net.transpose(sum(net, x, mask), {1, 0, 2});
                                        })),
                     "the batch elsewhere than in front");
  const Model model = Model::load(test_data("text/model.onnx"));
  EXPECT_THROW(static_cast<void>(model.compile({.threads = 1, .fixed_extents = true, .skip_padding = true})), Error);
}

}  // namespace
}  // namespace tessera
