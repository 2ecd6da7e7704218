#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::floats;
using test::integers;
using test::run_op;
using test::tensor;
using Integers = std::vector<std::int64_t>;
using Floats = std::vector<float>;

const Tensor square = floats(Shape{2, 2}, {1, 2, 3, 4});
const Tensor row = floats(Shape{1, 4}, {1, 2, 3, 4});

TEST(Pad, BordersWithAConstant) {
  const Tensor padded = run_op("Pad", {square, integers({1, 0, 0, 2}), Tensor::scalar(7.0F)});
  EXPECT_EQ(padded.shape(), (Shape{3, 4}));
  EXPECT_EQ(elements<float>(padded), (Floats{7, 7, 7, 7, 1, 2, 7, 7, 3, 4, 7, 7}));
}

TEST(Pad, DefaultsToZeroAndTakesAxes) {
  const Tensor bytes = tensor<std::uint8_t>(Shape{1, 2}, {1, 2});
  EXPECT_EQ(elements<std::uint8_t>(run_op("Pad", {bytes, integers({1, 1}), Tensor{}, integers({-1})})),
            (std::vector<std::uint8_t>{0, 1, 2, 0}));
  const Attributes old{{"pads", Integers{0, 1, 0, 0}}, {"value", 5.0F}, {"mode", std::string("constant")}};
  EXPECT_EQ(elements<float>(run_op("Pad", {square}, old)), (Floats{5, 1, 2, 5, 3, 4}));
}

Floats padded(const char* mode, std::int64_t before, std::int64_t behind) {
  return elements<float>(run_op("Pad", {row, integers({0, before, 0, behind})}, {{"mode", std::string(mode)}}));
}

TEST(Pad, MirrorsRepeatsAndWraps) {
  EXPECT_EQ(padded("reflect", 2, 3), (Floats{3, 2, 1, 2, 3, 4, 3, 2, 1}));
  EXPECT_EQ(padded("edge", 2, 1), (Floats{1, 1, 1, 2, 3, 4, 4}));
  EXPECT_EQ(padded("wrap", 2, 1), (Floats{3, 4, 1, 2, 3, 4, 1}));
  // A border longer than the tensor goes back and forth.
  EXPECT_EQ(padded("reflect", 0, 5), (Floats{1, 2, 3, 4, 3, 2, 1, 2, 3}));
  EXPECT_EQ(elements<float>(run_op("Pad", {square, integers({1, 0, 0, 1})}, {{"mode", std::string("reflect")}})),
            (Floats{3, 4, 3, 1, 2, 1, 3, 4, 3}));
}

TEST(Pad, RefusesUnknownModesAndNegativePads) {
  expect_error(ErrorKind::invalid, {"node tested (Pad)", "mode", "mirror"}, [] {
    run_op("Pad", {square, integers({1, 1, 1, 1})}, {{"mode", std::string("mirror")}});
  });
  expect_error(ErrorKind::invalid, {"tested", "negative"}, [] { run_op("Pad", {square, integers({0, -1, 0, 0})}); });
  expect_error(ErrorKind::invalid, {"tested", "3 pads", "2 axes"}, [] {
    run_op("Pad", {square, integers({1, 1, 1})});
  });
}

}  // namespace
}  // namespace tessera
