#include <limits>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Int = std::int64_t;
using List = std::vector<Int>;

TEST(Pooling, MaxPoolTakesTheLargestInsideTheImage) {
  const Tensor x = floats({1, 1, 3, 3}, {-1, -2, -3, -4, -5, -6, -7, -8, -9});
  EXPECT_EQ(elements<float>(run_op("MaxPool", {x}, {{"kernel_shape", List{2, 2}}})),
            (std::vector<float>{-1, -2, -4, -5}));
  // Padding never wins, not even over negative numbers.
  EXPECT_EQ(elements<float>(run_op(
                "MaxPool", {x}, {{"kernel_shape", List{3, 3}}, {"pads", List{1, 1, 1, 1}}, {"strides", List{2, 2}}})),
            (std::vector<float>{-1, -2, -4, -5}));
  EXPECT_EQ(elements<float>(run_op("MaxPool", {x}, {{"kernel_shape", List{2, 2}}, {"dilations", List{2, 2}}})),
            std::vector<float>{-1});
}

TEST(Pooling, MaxPoolWorksOnIntegers) {
  EXPECT_EQ(elements<std::uint8_t>(
                run_op("MaxPool", {tensor<std::uint8_t>({1, 1, 1, 3}, {3, 200, 7})}, {{"kernel_shape", List{1, 2}}})),
            (std::vector<std::uint8_t>{200, 200}));
  EXPECT_EQ(elements<std::int8_t>(
                run_op("MaxPool", {tensor<std::int8_t>({1, 1, 1, 3}, {-3, -128, -7})}, {{"kernel_shape", List{1, 2}}})),
            (std::vector<std::int8_t>{-3, -7}));
}

TEST(Pooling, MaxPoolKeepsNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto y =
      elements<float>(run_op("MaxPool", {floats({1, 1, 1, 4}, {1, nan, 2, 3})}, {{"kernel_shape", List{1, 2}}}));
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
  EXPECT_EQ(y[2], 3.0F);
}

TEST(Pooling, AveragePoolDividesByWhatItIsToldToCount) {
  const Tensor x = floats({1, 1, 2, 2}, {4, 8, 12, 16});
  const Attributes padded{{"kernel_shape", List{2, 2}}, {"pads", List{1, 1, 1, 1}}};
  EXPECT_EQ(elements<float>(run_op("AveragePool", {x}, padded)), (std::vector<float>{4, 6, 8, 8, 10, 12, 12, 14, 16}));
  Attributes counting = padded;
  counting["count_include_pad"] = yes;
  EXPECT_EQ(elements<float>(run_op("AveragePool", {x}, counting)), (std::vector<float>{1, 3, 2, 4, 10, 6, 3, 7, 4}));
}

TEST(Pooling, CeilModeAddsTheWindowThatOnlyPartlyFits) {
  const Tensor x = floats({1, 1, 1, 4}, {1, 2, 3, 4});
  const Attributes floor_mode{{"kernel_shape", List{1, 3}}, {"strides", List{1, 2}}};
  Attributes ceil_mode = floor_mode;
  ceil_mode["ceil_mode"] = yes;
  EXPECT_EQ(elements<float>(run_op("MaxPool", {x}, floor_mode)), std::vector<float>{3});
  EXPECT_EQ(elements<float>(run_op("MaxPool", {x}, ceil_mode)), (std::vector<float>{3, 4}));
  // What lies behind the image and its padding is never counted.
  ceil_mode["count_include_pad"] = yes;
  EXPECT_EQ(elements<float>(run_op("AveragePool", {x}, ceil_mode)), (std::vector<float>{2, 3.5F}));
}

TEST(Pooling, CeilModeDropsAWindowThatStartsInTheTrailingPadding) {
  // Windows would start at -1, 1, 3: the last one lies wholly behind the three columns.
  const Tensor x = floats({1, 1, 1, 3}, {1, 2, 3});
  const Attributes attributes{
      {"kernel_shape", List{1, 2}}, {"strides", List{1, 2}}, {"pads", List{0, 1, 0, 1}}, {"ceil_mode", yes}};
  EXPECT_EQ(elements<float>(run_op("MaxPool", {x}, attributes)), (std::vector<float>{1, 3}));
}

TEST(Pooling, SamePaddingIsResolved) {
  const Tensor x = floats({1, 1, 1, 3}, {1, 2, 3});
  const auto pool = [&](const char* side) {
    return elements<float>(run_op("AveragePool", {x}, {{"kernel_shape", List{1, 2}}, {"auto_pad", std::string(side)}}));
  };
  EXPECT_EQ(pool("SAME_UPPER"), (std::vector<float>{1.5F, 2.5F, 3}));
  EXPECT_EQ(pool("SAME_LOWER"), (std::vector<float>{1, 1.5F, 2.5F}));
  EXPECT_EQ(pool("VALID"), (std::vector<float>{1.5F, 2.5F}));
}

TEST(Pooling, KeepsPlanesApart) {
  const Tensor x = small_integers({2, 3, 5, 4}, 1);
  const Attributes attributes{{"kernel_shape", List{3, 2}}, {"strides", List{2, 1}}, {"pads", List{1, 0, 1, 1}}};
  const Tensor y = run_op("MaxPool", {x}, attributes);
  const auto plane = static_cast<std::size_t>(y.shape()[2] * y.shape()[3]);
  for (std::size_t i = 0; i < 6; ++i) {
    Tensor image(DataType::f32, {1, 1, 5, 4});
    for (std::size_t k = 0; k < 20; ++k) image.mutable_as<float>()[k] = x.as<float>()[i * 20 + k];
    const Tensor alone = run_op("MaxPool", {image}, attributes);
    for (std::size_t k = 0; k < plane; ++k) EXPECT_EQ(y.as<float>()[i * plane + k], alone.as<float>()[k]);
  }
}

TEST(Pooling, GlobalAverageIsTheMeanOfEachPlane) {
  const Tensor x = small_integers({2, 3, 7, 7}, 1);
  const Tensor y = run_op("GlobalAveragePool", {x});
  expect_equal(y, run_op("ReduceMean", {x}, {{"axes", List{2, 3}}}));
  EXPECT_EQ(elements<float>(run_op("GlobalAveragePool", {floats({1, 2, 2}, {1, 3, 5, 7})})),
            (std::vector<float>{2, 6}));
}

TEST(Pooling, InfersSymbolicShapes) {
  const Dim h = symbol("h");
  const SymbolicShape x{symbol("batch"), Dim(3), h, Dim(9)};
  const List kernel{3, 3}, strides{2, 2}, pads{1, 1, 1, 1};
  EXPECT_EQ(OneNode("MaxPool", {{"kernel_shape", kernel}, {"strides", strides}, {"pads", pads}}).input(x).infer().shape,
            (SymbolicShape{symbol("batch"), Dim(3), (h - 1) / 2 + 1, Dim(5)}));
  // Whether ceil_mode adds a window cannot be said of a symbol.
  const auto ceil =
      OneNode("AveragePool", {{"kernel_shape", kernel}, {"strides", strides}, {"ceil_mode", yes}}).input(x).infer();
  EXPECT_FALSE(ceil.shape.dims[2].known() || ceil.shape.dims[2].symbolic());
  EXPECT_EQ(ceil.shape.dims[3], Dim(4));
  EXPECT_EQ(OneNode("GlobalAveragePool").input(x).shape(), "[batch, 3, 1, 1]");
}

TEST(Pooling, KeepsTheStorageAPassHasChosen) {
  OneNode node("MaxPool", {{"kernel_shape", List{2, 2}}});
  node.input(DataType::bf16, {Dim(1), Dim(1), Dim(4), Dim(4)});
  EXPECT_EQ(node.infer().type, DataType::f32);
  node.output().type = DataType::bf16;
  EXPECT_EQ(node.infer().type, DataType::bf16);
}

TEST(Pooling, NamesWhatDoesNotFit) {
  const SymbolicShape x{Dim(1), Dim(1), Dim(4), Dim(4)};
  const auto pool = [](const char* op, Attributes attributes, DataType type, const SymbolicShape& shape) {
    return [=] { OneNode(op, attributes).input(type, shape).infer(); };
  };
  const Attribute kernel = List{2, 2};
  expect_rejected({"node tested (MaxPool)", "kernel_shape is missing"}, pool("MaxPool", {}, DataType::f32, x));
  expect_rejected({"node tested (MaxPool)", "storage_order is 1"},
                  pool("MaxPool", {{"kernel_shape", kernel}, {"storage_order", yes}}, DataType::f32, x));
  expect_rejected({"node tested (MaxPool)", "i64"}, pool("MaxPool", {{"kernel_shape", kernel}}, DataType::i64, x));
  expect_rejected({"node tested (AveragePool)", "u8"},
                  pool("AveragePool", {{"kernel_shape", kernel}}, DataType::u8, x));
  expect_rejected({"node tested (MaxPool)", "only 2-D"},
                  pool("MaxPool", {{"kernel_shape", List{2}}}, DataType::f32, {Dim(1), Dim(1), Dim(4)}));
  expect_rejected({"node tested (MaxPool)", "3 entries"},
                  pool("MaxPool", {{"kernel_shape", List{2, 2, 2}}}, DataType::f32, x));
  expect_rejected({"node tested (MaxPool)", "window of 5"},
                  pool("MaxPool", {{"kernel_shape", List{5, 2}}}, DataType::f32, x));
  expect_rejected({"node tested (GlobalAveragePool)", "[1, 1]"},
                  pool("GlobalAveragePool", {}, DataType::f32, {Dim(1), Dim(1)}));
  expect_rejected({"node tested (MaxPool)", "2 outputs"}, [&] {
    run_op_outputs("MaxPool", {floats({1, 1, 2, 2}, {1, 2, 3, 4})}, {{"kernel_shape", kernel}}, 2);
  });
}

}  // namespace
}  // namespace tessera::test
