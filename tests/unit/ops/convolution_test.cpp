#include <array>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Int = std::int64_t;
using List = std::vector<Int>;

struct Case {
  const char* name;
  Shape x, w;
  List strides{1, 1}, dilations{1, 1}, pads{0, 0, 0, 0};
  Int group = 1;
};

std::ostream& operator<<(std::ostream& stream, const Case& c) {
  return stream << c.name;
}

float element(const Tensor& t, Int a, Int b, Int c, Int d) {
  const Shape& s = t.shape();
  return t.as<float>()[static_cast<std::size_t>(((a * s[1] + b) * s[2] + c) * s[3] + d)];
}

/// The definition, with zeros around the image: seven loops and no cleverness.
Tensor naive(const Case& c, const Tensor& x, const Tensor& w) {
  const auto extent = [&](std::size_t d) {
    return (c.x[d + 2] + c.pads[d] + c.pads[d + 2] - c.dilations[d] * (c.w[d + 2] - 1) - 1) / c.strides[d] + 1;
  };
  Tensor y(DataType::f32, {c.x[0], c.w[0], extent(0), extent(1)});
  auto target = y.mutable_as<float>().begin();
  for (Int n = 0; n < y.shape()[0]; ++n)
    for (Int o = 0; o < y.shape()[1]; ++o)
      for (Int h = 0; h < y.shape()[2]; ++h)
        for (Int v = 0; v < y.shape()[3]; ++v, ++target)
          for (Int i = 0; i < c.w[1]; ++i)
            for (Int kh = 0; kh < c.w[2]; ++kh)
              for (Int kw = 0; kw < c.w[3]; ++kw) {
                const Int row = h * c.strides[0] + kh * c.dilations[0] - c.pads[0];
                const Int column = v * c.strides[1] + kw * c.dilations[1] - c.pads[1];
                if (row < 0 || row >= c.x[2] || column < 0 || column >= c.x[3]) continue;
                const Int channel = o / (c.w[0] / c.group) * c.w[1] + i;
                *target += element(x, n, channel, row, column) * element(w, o, i, kh, kw);
              }
  return y;
}

class Convolution : public ::testing::TestWithParam<Case> {};

TEST_P(Convolution, EqualsTheDefinition) {
  const Case& c = GetParam();
  const Tensor x = small_integers(c.x, 1), w = small_integers(c.w, 2);
  const Attributes attributes{{"strides", c.strides}, {"dilations", c.dilations}, {"pads", c.pads}, {"group", c.group}};
  const Tensor expected = naive(c, x, w);
  expect_equal(run_op("Conv", {x, w}, attributes), expected);

  const Tensor bias = small_integers({c.w[0]}, 3);
  const Tensor with_bias = run_op("Add", {expected, bias.reshaped({c.w[0], 1, 1})});
  expect_equal(run_op("Conv", {x, w, bias}, attributes), with_bias);
}

INSTANTIATE_TEST_SUITE_P(
    Ops, Convolution,
    ::testing::Values(Case{"pointwise", {2, 5, 4, 3}, {6, 5, 1, 1}},
                      Case{"pointwise_strided", {1, 5, 5, 7}, {3, 5, 1, 1}, {2, 3}},
                      Case{"pointwise_padded", {1, 2, 3, 3}, {2, 2, 1, 1}, {1, 1}, {1, 1}, {1, 0, 0, 2}},
                      Case{"same_size_but_shifted", {1, 1, 4, 4}, {1, 1, 1, 1}, {1, 1}, {1, 1}, {1, 1, 0, 0}},
                      Case{"3x3", {2, 3, 7, 6}, {4, 3, 3, 3}},
                      Case{"3x3_padded", {1, 3, 7, 6}, {4, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
                      Case{"asymmetric_pads", {1, 2, 5, 6}, {3, 2, 3, 2}, {1, 1}, {1, 1}, {0, 2, 3, 1}},
                      Case{"strides", {1, 2, 9, 11}, {3, 2, 3, 3}, {2, 3}, {1, 1}, {1, 1, 1, 1}},
                      Case{"dilations", {1, 2, 9, 11}, {3, 2, 3, 3}, {1, 1}, {2, 3}, {2, 3, 2, 3}},
                      Case{"dilated_and_strided", {1, 2, 9, 11}, {3, 2, 2, 3}, {3, 2}, {4, 2}, {1, 4, 0, 3}},
                      Case{"groups", {2, 6, 5, 5}, {4, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 2},
                      Case{"depthwise", {1, 4, 6, 5}, {8, 1, 3, 3}, {2, 1}, {1, 1}, {1, 1, 1, 1}, 4},
                      Case{"7x7_stem", {1, 3, 20, 22}, {4, 3, 7, 7}, {2, 2}, {1, 1}, {3, 3, 3, 3}},
                      Case{"kernel_as_large_as_padded_image", {1, 1, 2, 2}, {1, 1, 4, 4}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
                      Case{"taps_that_never_meet_the_image", {1, 1, 1, 1}, {1, 1, 2, 2}, {1, 1}, {3, 3}, {2, 2, 2, 2}}),
    [](const auto& test) { return "_" + std::string(test.param.name); });

/// Conv of an image of `extent` squared with a kernel of `kernel` squared.
std::string shape_with(const Attributes& attributes, Int extent, Int kernel) {
  return OneNode("Conv", attributes)
      .input({Dim(1), Dim(1), Dim(extent), Dim(extent)})
      .constant(reals({1, 1, kernel, kernel}, 1))
      .shape();
}

TEST(ConvolutionPadding, SameKeepsExtentsUpToTheStride) {
  for (const char* side : {"SAME_UPPER", "SAME_LOWER"}) {
    EXPECT_EQ(shape_with({{"auto_pad", std::string(side)}}, 5, 4), "[1, 1, 5, 5]");
    EXPECT_EQ(shape_with({{"auto_pad", std::string(side)}, {"strides", List{2, 3}}}, 5, 3), "[1, 1, 3, 2]");
    EXPECT_EQ(shape_with({{"auto_pad", std::string(side)}, {"strides", List{3, 3}}}, 4, 1), "[1, 1, 2, 2]");
  }
  EXPECT_EQ(shape_with({{"auto_pad", std::string("VALID")}}, 5, 4), "[1, 1, 2, 2]");
  EXPECT_EQ(shape_with({{"auto_pad", std::string("NOTSET")}, {"pads", List{1, 0, 0, 2}}}, 5, 4), "[1, 1, 3, 4]");
}

TEST(ConvolutionPadding, SamePutsTheOddPixelAtTheNamedEnd) {
  // A 1x2 kernel needs one pixel of padding: behind the row, or in front of it.
  const Tensor x = floats({1, 1, 1, 3}, {1, 2, 3}), w = floats({1, 1, 1, 2}, {10, 1});
  EXPECT_EQ(elements<float>(run_op("Conv", {x, w}, {{"auto_pad", std::string("SAME_UPPER")}})),
            (std::vector<float>{12, 23, 30}));
  EXPECT_EQ(elements<float>(run_op("Conv", {x, w}, {{"auto_pad", std::string("SAME_LOWER")}})),
            (std::vector<float>{1, 12, 23}));
}

TEST(ConvolutionShape, StaysSymbolic) {
  const SymbolicShape x{symbol("batch"), Dim(3), symbol("h"), symbol("w")};
  const auto shape = [&](Attributes attributes, Int kernel) {
    return OneNode("Conv", std::move(attributes)).input(x).constant(reals({8, 3, kernel, kernel}, 1)).infer().shape;
  };
  const Dim h = symbol("h"), w = symbol("w");
  EXPECT_EQ(shape({}, 1), (SymbolicShape{symbol("batch"), Dim(8), h, w}));
  EXPECT_EQ(shape({{"pads", List{1, 1, 1, 1}}}, 3), (SymbolicShape{symbol("batch"), Dim(8), h, w}));
  EXPECT_EQ(shape({}, 3), (SymbolicShape{symbol("batch"), Dim(8), h - 2, w - 2}));
  EXPECT_EQ(shape({{"pads", List{2, 2, 2, 2}}, {"strides", List{2, 2}}}, 3),
            (SymbolicShape{symbol("batch"), Dim(8), (h + 1) / 2 + 1, (w + 1) / 2 + 1}));
  EXPECT_EQ(shape({{"auto_pad", std::string("SAME_UPPER")}, {"strides", List{2, 1}}}, 3),
            (SymbolicShape{symbol("batch"), Dim(8), (h + 1) / 2, w}));
}

TEST(ConvolutionShape, NamesWhatDoesNotFit) {
  const SymbolicShape x{Dim(1), Dim(4), Dim(8), Dim(8)};
  const auto conv = [&](Attributes attributes, const SymbolicShape& input, const Shape& weights) {
    return [=] { OneNode("Conv", attributes).input(input).constant(reals(weights, 1)).infer(); };
  };
  expect_rejected({"node tested (Conv)", "[1, 4, 8]", "only 2-D"}, conv({}, {Dim(1), Dim(4), Dim(8)}, {4, 4, 3}));
  expect_rejected({"node tested (Conv)", "input channels", "is 4 where 3"}, conv({}, x, {4, 3, 3, 3}));
  expect_rejected({"node tested (Conv)", "group is 3"}, conv({{"group", Int{3}}}, x, {4, 1, 3, 3}));
  expect_rejected({"node tested (Conv)", "group is 0"}, conv({{"group", Int{0}}}, x, {4, 1, 3, 3}));
  expect_rejected({"node tested (Conv)", "kernel_shape", "weights"},
                  conv({{"kernel_shape", List{3, 2}}}, x, {4, 4, 3, 3}));
  expect_rejected({"node tested (Conv)", "strides", "1 entries"}, conv({{"strides", List{1}}}, x, {4, 4, 3, 3}));
  expect_rejected({"node tested (Conv)", "strides holds 0"}, conv({{"strides", List{0, 1}}}, x, {4, 4, 3, 3}));
  expect_rejected({"node tested (Conv)", "pads holds -1"}, conv({{"pads", List{0, 0, -1, 0}}}, x, {4, 4, 3, 3}));
  expect_rejected({"node tested (Conv)", "auto_pad is SAME"},
                  conv({{"auto_pad", std::string("SAME")}}, x, {4, 4, 3, 3}));
  expect_rejected({"node tested (Conv)", "window of 9", "input of 8"}, conv({}, x, {4, 4, 9, 9}));
  expect_rejected({"node tested (Conv)", "attribute output_padding"},
                  conv({{"output_padding", List{1, 1}}}, x, {4, 4, 3, 3}));
  expect_rejected({"node tested (Conv)", "numbers are needed"}, [&] {
    OneNode("Conv").input(x).input({Dim(4), Dim(4), symbol("k"), Dim(3)}).infer();
  });
  expect_rejected({"node tested (Conv)", "extent 0 of input 2", "is 5 where 4"}, [&] {
    OneNode("Conv").input(x).constant(reals({4, 4, 3, 3}, 1)).input({Dim(5)}).infer();
  });
  expect_rejected({"node tested (Conv)", "input 0 (in)", "u8"}, [&] {
    OneNode("Conv").input(DataType::u8, x).constant(reals({4, 4, 3, 3}, 1)).infer();
  });
}

}  // namespace
}  // namespace tessera::test
