// Attention and RotaryEmbedding of operator set 23, and FusedRotary. The node tests of the onnx package look at their
// many forms.
#include <cmath>
#include <limits>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

/// One head of two elements, two queries, two keys.
const Tensor head_q = floats({1, 1, 2, 2}, {1, 0, 0, 1});
const Tensor head_k = floats({1, 1, 2, 2}, {1, 0, 0, 1});
const Tensor head_v = floats({1, 1, 2, 1}, {10, 20});
const Attributes unscaled{{"scale", 1.0F}};

/// The mean of 10 and 20 under scores a and b.
float weighed(float a, float b) {
  return (10 * std::exp(a) + 20 * std::exp(b)) / (std::exp(a) + std::exp(b));
}

TEST(Attention, WeighsValuesBySoftmaxOfScores) {
  const auto y = elements<float>(run_op("Attention", {head_q, head_k, head_v}, unscaled));
  EXPECT_NEAR(y[0], weighed(1, 0), 1e-5F);
  EXPECT_NEAR(y[1], weighed(0, 1), 1e-5F);
  const auto scaled = elements<float>(run_op("Attention", {head_q, head_k, head_v}));
  EXPECT_NEAR(scaled[0], weighed(std::sqrt(0.5F), 0), 1e-5F);
}

TEST(Attention, MasksKeys) {
  const Tensor attended = tensor<bool>(Shape{1, 2}, {true, false});
  EXPECT_EQ(elements<float>(run_op("Attention", {head_q, head_k, head_v, attended}, unscaled)),
            (std::vector<float>{10, 10}));
  const Tensor nothing = tensor<bool>(Shape{2, 2}, {true, true, false, false});
  EXPECT_EQ(elements<float>(run_op("Attention", {head_q, head_k, head_v, nothing}, unscaled))[1], 0);
  const Tensor added = floats({2, 2}, {0, 1, 0, 0});
  EXPECT_NEAR(elements<float>(run_op("Attention", {head_q, head_k, head_v, added}, unscaled))[0], 15, 1e-5F);
  const Attributes causal{{"scale", 1.0F}, {"is_causal", std::int64_t{1}}};
  EXPECT_EQ(elements<float>(run_op("Attention", {head_q, head_k, head_v}, causal))[0], 10);
}

TEST(Attention, HeadsOfQueriesShareHeadsOfKeys) {
  const Tensor queries = floats({1, 2, 4}, {1, 0, 0, 1, 0, 1, 1, 0});
  const Tensor keys = floats({1, 2, 2}, {1, 0, 0, 1}), values = floats({1, 2, 1}, {10, 20});
  const Attributes heads{{"scale", 1.0F}, {"q_num_heads", std::int64_t{2}}, {"kv_num_heads", std::int64_t{1}}};
  const Tensor y = run_op("Attention", {queries, keys, values}, heads);
  EXPECT_EQ(y.shape(), (Shape{1, 2, 2}));
  const auto got = elements<float>(y);
  EXPECT_NEAR(got[0], weighed(1, 0), 1e-5F);
  EXPECT_NEAR(got[1], weighed(0, 1), 1e-5F);
  EXPECT_NEAR(got[2], weighed(0, 1), 1e-5F);
}

TEST(Attention, RefusesACacheAndShapesThatDoNotFit) {
  expect_error(ErrorKind::invalid, {"tested", "earlier call"}, [] {
    run_op("Attention", {head_q, head_k, head_v, Tensor(), head_k, head_v});
  });
  expect_error(ErrorKind::invalid, {"tested", "q_num_heads"}, [] {
    run_op("Attention", {floats({1, 1, 2}, {1, 2}), floats({1, 1, 2}, {1, 2}), floats({1, 1, 2}, {1, 2})});
  });
  expect_error(ErrorKind::invalid, {"tested", "depth"}, [] {
    run_op("Attention", {head_q, floats({1, 1, 1, 3}, {1, 2, 3}), head_v});
  });
}

TEST(RotaryEmbedding, TurnsPairsOfElements) {
  // A quarter turn: cos 0, sin 1.
  const Tensor x = floats({1, 1, 1, 4}, {1, 2, 3, 4});
  const Tensor cosines = floats({1, 1, 2}, {0, 1}), sines = floats({1, 1, 2}, {1, 0});
  EXPECT_EQ(elements<float>(run_op("RotaryEmbedding", {x, cosines, sines})), (std::vector<float>{-3, 2, 1, 4}));
  EXPECT_EQ(elements<float>(run_op("RotaryEmbedding", {x, cosines, sines}, {{"interleaved", std::int64_t{1}}})),
            (std::vector<float>{-2, 1, 3, 4}));
}

TEST(RotaryEmbedding, TakesRowsOfItsTablesByPosition) {
  const Tensor x = floats({1, 2, 2}, {1, 2, 3, 4});
  const Tensor cosines = floats({2, 1}, {1, 0}), sines = floats({2, 1}, {0, 1});
  const Tensor positions = tensor<std::int64_t>(Shape{1, 2}, {1, 0});
  const Attributes heads{{"num_heads", std::int64_t{1}}};
  EXPECT_EQ(elements<float>(run_op("RotaryEmbedding", {x, cosines, sines, positions}, heads)),
            (std::vector<float>{-2, 1, 3, 4}));
  expect_error(ErrorKind::invalid, {"tested", "position 2", "2 rows"}, [&] {
    run_op("RotaryEmbedding", {x, cosines, sines, tensor<std::int64_t>(Shape{1, 2}, {2, 0})}, heads);
  });
}

TEST(FusedRotary, HasFactorsForEveryElementInBothLayouts) {
  const Tensor c = floats({1, 1, 2, 2}, {1, 2, 0, 1}), s = floats({1, 1, 2, 2}, {0, 1, 1, 1});
  // y = x * c + (-second, first) * s, token by token.
  const std::vector<float> wanted{1 * 1 - 2 * 0, 2 * 2 + 1 * 1, 3 * 0 - 4 * 1, 4 * 1 + 3 * 1};
  EXPECT_EQ(elements<float>(run_op("FusedRotary", {floats({1, 1, 2, 2}, {1, 2, 3, 4}), c, s})), wanted);
  EXPECT_EQ(
      elements<float>(run_op("FusedRotary", {floats({1, 2, 2}, {1, 2, 3, 4}), c, s}, {{"num_heads", std::int64_t{1}}})),
      wanted);
}

}  // namespace
}  // namespace tessera::test
