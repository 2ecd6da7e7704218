#include <cmath>
#include <limits>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Int = std::int64_t;

TEST(LayerNormalization, NormalisesTheLastAxis) {
  // Row (1, 3): mean 2, variance 1, and epsilon 3 makes the deviation 2.
  const Tensor x = floats({2, 2}, {1, 3, 5, 5});
  const Tensor scale = floats({2}, {2, 4}), bias = floats({2}, {10, 20});
  EXPECT_EQ(elements<float>(run_op("LayerNormalization", {x, scale, bias}, {{"epsilon", 3.0F}})),
            (std::vector<float>{9, 22, 10, 20}));
  EXPECT_EQ(elements<float>(run_op("LayerNormalization", {x, scale}, {{"epsilon", 3.0F}})),
            (std::vector<float>{-1, 2, 0, 0}));
}

TEST(LayerNormalization, NormalisesSeveralTrailingAxesAsOne) {
  const Tensor x = reals({2, 3, 4}, 1), scale = reals({3, 4}, 2), bias = reals({3, 4}, 3);
  const Tensor y = run_op("LayerNormalization", {x, scale, bias}, {{"axis", Int{1}}});
  const Tensor flat = run_op("LayerNormalization", {x.reshaped({2, 12}), scale.reshaped({12}), bias.reshaped({12})});
  expect_equal(y, flat.reshaped({2, 3, 4}));
}

TEST(LayerNormalization, GivesMeanZeroAndVarianceOne) {
  const Int n = 768;
  Tensor ones(DataType::f32, {n});
  for (float& value : ones.mutable_as<float>()) value = 1;
  const Tensor y = run_op("LayerNormalization", {reals({4, n}, 9), ones}, {{"epsilon", 0.0F}});
  for (std::size_t row = 0; row < 4; ++row) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < n; ++i) mean += y.as<float>()[row * n + i] / n;
    for (std::size_t i = 0; i < n; ++i) variance += std::pow(y.as<float>()[row * n + i] - mean, 2) / n;
    // Sums of n / 16 + 4 terms, relative to numbers of at most 2 (uniform data) and 4 (their squares).
    EXPECT_NEAR(mean, 0.0, 2 * (n / 16 + 8) * rounding);
    EXPECT_NEAR(variance, 1.0, 4 * (n / 16 + 8) * rounding);
  }
}

TEST(BatchNormalization, AppliesTheRunningStatistics) {
  // Per channel: (x - mean) / sqrt(variance + epsilon) * scale + bias with deviations 2 and 4.
  const Tensor x = floats({1, 2, 1, 2}, {1, 3, 2, 6});
  const std::vector<Tensor> inputs{x, floats({2}, {2, 4}), floats({2}, {1, -1}), floats({2}, {1, 2}),
                                   floats({2}, {3, 15})};
  EXPECT_EQ(elements<float>(run_op("BatchNormalization", inputs, {{"epsilon", 1.0F}, {"momentum", 0.9F}})),
            (std::vector<float>{1, 3, -1, 3}));
}

TEST(Softmax, RowsSumToOneAndIgnoreOffsets) {
  const Tensor x = reals({5, 33}, 4);
  const Tensor y = run_op("Softmax", {x}), shifted = run_op("Softmax", {run_op("Add", {x, floats({}, {1024})})});
  for (std::size_t row = 0; row < 5; ++row) {
    double sum = 0;
    for (std::size_t i = 0; i < 33; ++i) sum += y.as<float>()[row * 33 + i];
    EXPECT_NEAR(sum, 1.0, 36 * rounding);
  }
  // Adding 1024 rounds x to multiples of 2^-14 (error 2^-14 with both operands), which exp turns into a relative error.
  expect_near(shifted, y, 4 * 0x1p-14);
}

TEST(Softmax, SurvivesExtremeInputs) {
  EXPECT_EQ(elements<float>(run_op("Softmax", {floats({1, 3}, {1e38F, -1e38F, 1e38F})})),
            (std::vector<float>{0.5F, 0, 0.5F}));
  const float least = std::numeric_limits<float>::lowest();
  EXPECT_EQ(elements<float>(run_op("Softmax", {floats({1, 2}, {least, least})})), (std::vector<float>{0.5F, 0.5F}));
}

TEST(Softmax, RunsAlongAnyAxis) {
  const Tensor x = reals({2, 3, 4}, 6);
  const auto permute = [](const Tensor& t, std::vector<Int> order) {
    return run_op("Transpose", {t}, {{"perm", std::move(order)}});
  };
  const Tensor moved = run_op("Softmax", {permute(x, {0, 2, 1})});
  expect_equal(run_op("Softmax", {x}, {{"axis", Int{1}}}), permute(moved, {0, 2, 1}));
}

TEST(Softmax, BeforeOpset13OnlyTheLastAxisMeansTheSame) {
  const SymbolicShape matrix{symbol("batch"), Dim(4)}, cube{symbol("batch"), Dim(4), Dim(5)};
  EXPECT_EQ(OneNode("Softmax").opset(11).input(matrix).shape(), "[batch, 4]");
  EXPECT_EQ(OneNode("Softmax", {{"axis", Int{2}}}).opset(11).input(cube).shape(), "[batch, 4, 5]");
  EXPECT_EQ(OneNode("Softmax", {{"axis", Int{1}}}).opset(13).input(cube).shape(), "[batch, 4, 5]");
  expect_rejected({"node tested (Softmax)", "axis is 1", "opset 13"},
                  [&] { OneNode("Softmax").opset(11).input(cube).infer(); });
}

TEST(Normalization, InfersSymbolicShapes) {
  const SymbolicShape x{symbol("batch"), symbol("seq"), Dim(8)};
  EXPECT_EQ(OneNode("LayerNormalization").input(x).input({Dim(8)}).input({Dim(8)}).shape(), "[batch, seq, 8]");
  const SymbolicShape channel{Dim(3)};
  EXPECT_EQ(OneNode("BatchNormalization")
                .input({symbol("batch"), Dim(3), symbol("h"), symbol("w")})
                .input(channel)
                .input(channel)
                .input(channel)
                .input(channel)
                .shape(),
            "[batch, 3, h, w]");
}

TEST(Normalization, KeepsTheStorageAPassHasChosen) {
  OneNode node("LayerNormalization");
  node.input(DataType::bf16, {Dim(2), Dim(8)}).input({Dim(8)});
  EXPECT_EQ(node.infer().type, DataType::f32);
  node.output().type = DataType::bf16;
  EXPECT_EQ(node.infer().type, DataType::bf16);
  expect_rejected({"node tested (LayerNormalization)", "bf16", "session"}, [] {
    OneNode("LayerNormalization").feed(Tensor(DataType::bf16, {1, 2})).feed(floats({2}, {1, 1})).run();
  });
}

TEST(Normalization, NamesWhatDoesNotFit) {
  const SymbolicShape x{Dim(2), Dim(8)}, scale{Dim(8)};
  expect_rejected({"node tested (LayerNormalization)", "input 1 (in_1)", "is 7 where 8"},
                  [&] { OneNode("LayerNormalization").input(x).input({Dim(7)}).infer(); });
  expect_rejected({"node tested (LayerNormalization)", "stash_type is 10"}, [&] {
    OneNode("LayerNormalization", {{"stash_type", Int{10}}}).input(x).input(scale).infer();
  });
  expect_rejected({"node tested (LayerNormalization)", "axis 2"}, [&] {
    OneNode("LayerNormalization", {{"axis", Int{2}}}).input(x).input(scale).infer();
  });
  const auto batch_norm = [&](Attributes attributes, const SymbolicShape& input) {
    OneNode("BatchNormalization", std::move(attributes))
        .input(input)
        .input(scale)
        .input(scale)
        .input(scale)
        .input(scale)
        .infer();
  };
  expect_rejected({"node tested (BatchNormalization)", "training_mode is 1"}, [&] {
    batch_norm({{"training_mode", Int{1}}}, x);
  });
  expect_rejected({"node tested (BatchNormalization)", "spatial is 0"}, [&] { batch_norm({{"spatial", Int{0}}}, x); });
  expect_rejected({"node tested (BatchNormalization)", "[8]"}, [&] { batch_norm({}, scale); });
  expect_rejected({"node tested (BatchNormalization)", "is 8 where 9"}, [&] { batch_norm({}, {Dim(2), Dim(9)}); });
  expect_rejected({"node tested (Softmax)", "i64"}, [&] { OneNode("Softmax").input(DataType::i64, x).infer(); });
}

}  // namespace
}  // namespace tessera::test
