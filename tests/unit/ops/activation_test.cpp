#include <cmath>
#include <limits>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

const float infinity = std::numeric_limits<float>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();

TEST(Activation, Relu) {
  EXPECT_EQ(elements<float>(run_op("Relu", {floats({4}, {-2, 0, 3, infinity})})),
            (std::vector<float>{0, 0, 3, infinity}));
  EXPECT_TRUE(std::isnan(run_op("Relu", {floats({1}, {nan})}).as<float>()[0]));
}

TEST(Activation, SigmoidAndTanhSaturateWithoutOverflow) {
  EXPECT_EQ(elements<float>(run_op("Sigmoid", {floats({3}, {0, 200, -200})})), (std::vector<float>{0.5F, 1, 0}));
  EXPECT_EQ(elements<float>(run_op("Tanh", {floats({3}, {0, 200, -200})})), (std::vector<float>{0, 1, -1}));
  // sigmoid(x) + sigmoid(-x) = 1, each with three roundings.
  const Tensor x = reals({100}, 3);
  const Tensor up = run_op("Sigmoid", {x}), down = run_op("Sigmoid", {run_op("Neg", {x})});
  for (std::size_t i = 0; i < 100; ++i) EXPECT_NEAR(up.as<float>()[i] + down.as<float>()[i], 1.0, 2 * 4 * rounding);
}

TEST(Activation, GeluInBothForms) {
  // x * Phi(x) with Phi(1) from a table; the approximation differs from the fourth digit on.
  const Tensor x = floats({4}, {1, -1, 0, 20});
  const auto exact = elements<float>(run_op("Gelu", {x}));
  EXPECT_NEAR(exact[0], 0.8413447460685429, 6 * rounding);
  EXPECT_NEAR(exact[1], -0.15865525393145707, 6 * rounding);
  EXPECT_EQ(exact[2], 0.0F);
  EXPECT_EQ(exact[3], 20.0F);
  const auto approximate = elements<float>(run_op("Gelu", {x}, {{"approximate", std::string("tanh")}}));
  EXPECT_NEAR(approximate[0], 0.8411919906082768, 6 * rounding);
  EXPECT_EQ(approximate[3], 20.0F);
}

TEST(Activation, LeakyReluAndTheHardOnes) {
  const Tensor x = floats({4}, {-4, -1, 1, 4});
  EXPECT_EQ(elements<float>(run_op("LeakyRelu", {x}, {{"alpha", 0.5F}})), (std::vector<float>{-2, -0.5F, 1, 4}));
  EXPECT_EQ(elements<float>(run_op("LeakyRelu", {x})), (std::vector<float>{-0.04F, -0.01F, 1, 4}));
  EXPECT_EQ(elements<float>(run_op("HardSigmoid", {x}, {{"alpha", 0.25F}, {"beta", 0.5F}})),
            (std::vector<float>{0, 0.25F, 0.75F, 1}));
  const auto swish = elements<float>(run_op("HardSwish", {x}));
  EXPECT_EQ(swish[0], 0.0F);
  EXPECT_NEAR(swish[1], -1.0 / 3, 4 * rounding);
  EXPECT_NEAR(swish[2], 2.0 / 3, 4 * rounding);
  EXPECT_EQ(swish[3], 4.0F);
}

TEST(Activation, ClipTakesBoundsFromInputsOrAttributes) {
  const Tensor x = floats({4}, {-5, 0, 3, 9});
  const Tensor zero = floats({}, {0}), six = floats({}, {6});
  EXPECT_EQ(elements<float>(run_op("Clip", {x, zero, six})), (std::vector<float>{0, 0, 3, 6}));
  EXPECT_EQ(elements<float>(run_op("Clip", {x, Tensor(), six})), (std::vector<float>{-5, 0, 3, 6}));
  EXPECT_EQ(elements<float>(run_op("Clip", {x, zero})), (std::vector<float>{0, 0, 3, 9}));
  EXPECT_EQ(elements<float>(run_op("Clip", {x}, {{"min", 0.0F}, {"max", 6.0F}})), (std::vector<float>{0, 0, 3, 6}));
  EXPECT_EQ(elements<float>(run_op("Clip", {floats({2}, {-infinity, infinity})})),
            (std::vector<float>{-infinity, infinity}));
  EXPECT_EQ(elements<float>(run_op("Clip", {x, six, zero})), (std::vector<float>{0, 0, 0, 0}));
  EXPECT_TRUE(std::isnan(run_op("Clip", {floats({1}, {nan}), zero, six}).as<float>()[0]));
  EXPECT_EQ(elements<std::int64_t>(run_op("Clip", {integers({-5, 5}), tensor<std::int64_t>({}, {0})})),
            (std::vector<std::int64_t>{0, 5}));
}

TEST(Activation, KeepsSymbolicShapes) {
  for (const char* op : {"Relu", "Sigmoid", "Tanh", "Gelu", "Clip", "LeakyRelu", "HardSigmoid", "HardSwish"})
    EXPECT_EQ(OneNode(op).input({symbol("batch"), Dim(4)}).shape(), "[batch, 4]") << op;
}

TEST(Activation, NamesWhatDoesNotFit) {
  expect_rejected({"node tested (Relu)", "i64"}, [] { OneNode("Relu").input(DataType::i64, {Dim(2)}).infer(); });
  expect_rejected({"node tested (Gelu)", "approximate", "quick"}, [] {
    OneNode("Gelu", {{"approximate", std::string("quick")}}).input({Dim(2)}).infer();
  });
  expect_rejected({"node tested (Clip)", "bound 1", "scalar"},
                  [] { OneNode("Clip").input({Dim(2)}).input({Dim(2)}).infer(); });
  expect_rejected({"node tested (Clip)", "i64", "f32"},
                  [] { OneNode("Clip").input({Dim(2)}).input(DataType::i64, scalar_shape()).infer(); });
  expect_rejected({"node tested (Clip)", "attributes min and max"}, [] {
    OneNode("Clip", {{"min", 0.0F}}).input(DataType::i64, {Dim(2)}).infer();
  });
}

}  // namespace
}  // namespace tessera::test
