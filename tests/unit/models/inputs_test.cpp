// Synthetic inputs.
#include "models/inputs.hpp"

#include <cmath>

#include "unit/formats/support.hpp"

namespace tessera {
namespace {

using formats_testing::expect_error;
using formats_testing::expect_same_bits;

double correlation_at(const Tensor& image, std::size_t distance) {
  const auto x = image.as<float>();
  double products = 0, squares = 0;
  for (std::size_t i = 0; i + distance < 224 * 224; ++i) {
    products += static_cast<double>(x[i]) * static_cast<double>(x[i + distance]);
    squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return products / squares;
}

TEST(ImageNoise, LooksLikeANormalisedImage) {
  const Tensor image = image_noise(Shape{2, 3, 224, 224}, 5);
  double sum = 0, squares = 0;
  for (const float element : image.as<float>()) {
    sum += static_cast<double>(element);
    squares += static_cast<double>(element) * static_cast<double>(element);
  }
  const double n = static_cast<double>(image.shape().elements());
  EXPECT_NEAR(sum / n, 0, 0.1);  // six planes of 49 coarse points each: a standard error of 0.9 / sqrt(294) = 0.05
  EXPECT_NEAR(squares / n, 1, 0.15);
  EXPECT_GT(correlation_at(image, 1), 0.5);  // neighbours agree, distant pixels do not
  EXPECT_GT(correlation_at(image, 1), correlation_at(image, 8));
  EXPECT_GT(correlation_at(image, 8), correlation_at(image, 100));
}

TEST(ImageNoise, SizesThatAreNoMultipleOfTheScales) {
  const Tensor image = image_noise(Shape{1, 1, 5, 33}, 1);
  for (const float element : image.as<float>()) EXPECT_TRUE(std::isfinite(element));
  EXPECT_EQ(image_noise(Shape{1, 1, 1, 1}, 1).shape().elements(), 1);
}

TEST(TokenBatch, SequencesAsATokenizerMakesThem) {
  const TokenBatch batch = token_batch(2, 20, 30522, 3);
  const auto ids = batch.ids.as<std::int64_t>(), mask = batch.mask.as<std::int64_t>(),
             types = batch.types.as<std::int64_t>();
  EXPECT_EQ(ids[0], 101);
  EXPECT_EQ(ids[19], 102);
  EXPECT_EQ(ids[10], 102);
  EXPECT_EQ(ids[20 + 11], 102);  // the second row has 12 tokens
  for (std::size_t i = 0; i < 40; ++i) {
    const std::size_t row = i / 20, column = i % 20, length = row == 0 ? 20 : 12;
    EXPECT_EQ(mask[i], column < length ? 1 : 0);
    EXPECT_EQ(types[i], column > length / 2 && column < length ? 1 : 0);
    EXPECT_EQ(ids[i] == 0, column >= length);
    EXPECT_LT(ids[i], 30522);
  }
}

TEST(TokenBatch, TinyVocabulariesAndSequences) {
  for (const std::int64_t vocabulary : {1, 2, 3, 4, 5, 150, 1500})
    for (const std::int64_t sequence : {1, 2, 3}) {
      const TokenBatch batch = token_batch(2, sequence, vocabulary, 3);
      for (const std::int64_t id : batch.ids.as<std::int64_t>()) {
        EXPECT_GE(id, 0);
        EXPECT_LT(id, vocabulary);
      }
      for (std::size_t row = 0; row < 2; ++row)
        EXPECT_EQ(batch.mask.as<std::int64_t>()[row * static_cast<std::size_t>(sequence)], 1);
    }
}

Graph graph_with_inputs() {
  Graph graph;
  const ValueId ids = graph.add_input("input_ids", DataType::i64, SymbolicShape(Shape{1, 8}));
  graph.add_input("attention_mask", DataType::i64, SymbolicShape(Shape{1, 8}));
  graph.add_input("position_ids", DataType::s32, SymbolicShape(Shape{1, 8}));
  graph.add_input("image", DataType::f32, SymbolicShape(Shape{1, 3, 8, 8}));
  graph.add_input("vector", DataType::f32, SymbolicShape(Shape{4}));
  graph.add_input("bytes", DataType::u8, SymbolicShape(Shape{100}));
  const ValueId table = graph.add_constant("table", Tensor(DataType::f32, Shape{50, 2}));
  graph.outputs = {graph.append("Gather", "gather", {table, ids})};
  return graph;
}

TEST(RandomInputs, FollowTypeRankAndName) {
  const auto inputs = random_inputs(graph_with_inputs(), 1);
  ASSERT_EQ(inputs.size(), 6U);
  for (const std::int64_t id : inputs[0].as<std::int64_t>()) EXPECT_LT(id, 50);
  for (const std::int64_t bit : inputs[1].as<std::int64_t>()) EXPECT_EQ(bit, 1);
  for (std::int32_t i = 0; i < 8; ++i) EXPECT_EQ(inputs[2].as<std::int32_t>()[static_cast<std::size_t>(i)], i);
  expect_same_bits(inputs[3], image_noise(Shape{1, 3, 8, 8}, 1), "image");
  EXPECT_EQ(inputs[4].shape(), Shape{4});
  EXPECT_EQ(inputs[5].type(), DataType::u8);
  const auto again = random_inputs(graph_with_inputs(), 1), other = random_inputs(graph_with_inputs(), 2);
  for (std::size_t i = 0; i < 6; ++i) expect_same_bits(inputs[i], again[i], "same seed");
  EXPECT_NE(inputs[4].as<float>()[0], other[4].as<float>()[0]);
}

TEST(RandomInputs, UnboundExtentsAreAnError) {
  Graph graph;
  graph.add_input("x", DataType::f32, SymbolicShape({Dim("batch")}));
  expect_error(ErrorKind::invalid, {"input x", "[batch]"}, [&] { (void)random_inputs(graph, 1); });
}

}  // namespace
}  // namespace tessera
