// Initializers: every element type, both ways of storing it, and everything that can be wrong with one.
#include <cmath>
#include <limits>

#include "formats/float16.hpp"
#include "unit/formats/onnx_support.hpp"

namespace tessera::formats_testing {
namespace {

using onnx::TensorProto;

TEST(OnnxTensor, RawDataOfEveryType) {
  const auto read = [](int type, std::initializer_list<std::int64_t> extents, const std::string& bytes) {
    auto model = model_with(type, extents);
    model.mutable_graph()->mutable_initializer(0)->set_raw_data(bytes);
    return parse(model);
  };
  EXPECT_EQ(elements<float>(read(TensorProto::FLOAT, {2}, raw<float>({1.5F, -2.0F}))), (std::vector{1.5F, -2.0F}));
  EXPECT_EQ(elements<float>(read(TensorProto::DOUBLE, {2}, raw<double>({0.1, -2.0}))), (std::vector{0.1F, -2.0F}));
  EXPECT_EQ(elements<float>(read(TensorProto::FLOAT16, {2}, raw<std::uint16_t>({0x3c00, 0xc000}))),
            (std::vector{1.0F, -2.0F}));
  EXPECT_EQ(elements<bfloat16>(read(TensorProto::BFLOAT16, {1}, raw<std::uint16_t>({0x3fc0}))),
            std::vector{bfloat16(1.5F)});
  EXPECT_EQ(elements<std::int64_t>(read(TensorProto::INT64, {1}, raw<std::int64_t>({-5}))),
            std::vector<std::int64_t>{-5});
  EXPECT_EQ(elements<std::int32_t>(read(TensorProto::INT32, {1}, raw<std::int32_t>({-5}))),
            std::vector<std::int32_t>{-5});
  EXPECT_EQ(elements<std::int8_t>(read(TensorProto::INT8, {1}, raw<std::int8_t>({-128}))),
            std::vector<std::int8_t>{-128});
  EXPECT_EQ(elements<std::uint8_t>(read(TensorProto::UINT8, {1}, raw<std::uint8_t>({255}))),
            std::vector<std::uint8_t>{255});
  // A bool that is neither 0 nor 1 in the file is a proper bool in memory.
  EXPECT_EQ(elements<bool>(read(TensorProto::BOOL, {3}, raw<std::uint8_t>({0, 1, 7}))),
            (std::vector{false, true, true}));
}

TEST(OnnxTensor, TypedFieldsOfEveryType) {
  const auto read = [](int type, auto&& fill) {
    auto model = model_with(type, {2});
    fill(*model.mutable_graph()->mutable_initializer(0));
    return parse(model);
  };
  const auto narrow = [](std::int32_t a, std::int32_t b) {
    return [=](TensorProto& tensor) {
      tensor.add_int32_data(a);
      tensor.add_int32_data(b);
    };
  };
  EXPECT_EQ(elements<float>(read(TensorProto::FLOAT,
                                 [](TensorProto& tensor) {
                                   tensor.add_float_data(1.5F);
                                   tensor.add_float_data(-2.0F);
                                 })),
            (std::vector{1.5F, -2.0F}));
  EXPECT_EQ(elements<float>(read(TensorProto::DOUBLE,
                                 [](TensorProto& tensor) {
                                   tensor.add_double_data(0.1);
                                   tensor.add_double_data(4);
                                 })),
            (std::vector{0.1F, 4.0F}));
  EXPECT_EQ(elements<std::int64_t>(read(TensorProto::INT64,
                                        [](TensorProto& tensor) {
                                          tensor.add_int64_data(1);
                                          tensor.add_int64_data(std::numeric_limits<std::int64_t>::min());
                                        })),
            (std::vector<std::int64_t>{1, std::numeric_limits<std::int64_t>::min()}));
  EXPECT_EQ(elements<std::int32_t>(read(TensorProto::INT32, narrow(3, -4))), (std::vector<std::int32_t>{3, -4}));
  EXPECT_EQ(elements<std::int8_t>(read(TensorProto::INT8, narrow(127, -128))), (std::vector<std::int8_t>{127, -128}));
  EXPECT_EQ(elements<std::uint8_t>(read(TensorProto::UINT8, narrow(0, 255))), (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(elements<bool>(read(TensorProto::BOOL, narrow(0, 1))), (std::vector{false, true}));
  EXPECT_EQ(elements<float>(read(TensorProto::FLOAT16, narrow(0x3c00, 0x8000))), (std::vector{1.0F, -0.0F}));
  EXPECT_EQ(elements<bfloat16>(read(TensorProto::BFLOAT16, narrow(0x3f80, 0xbf80))),
            (std::vector{bfloat16(1.0F), bfloat16(-1.0F)}));
}

TEST(OnnxTensor, NumbersThatDoNotFitTheirType) {
  for (const auto& [type, number] :
       {std::pair{TensorProto::INT8, 128}, {TensorProto::UINT8, -1}, {TensorProto::UINT8, 256}}) {
    auto model = model_with(type, {1});
    model.mutable_graph()->mutable_initializer(0)->add_int32_data(number);
    expect_invalid(model, {"initializer w", std::to_string(number), "does not fit"});
  }
}

TEST(OnnxTensor, ScalarsAndEmptyTensors) {
  auto model = model_with(TensorProto::FLOAT, {});
  model.mutable_graph()->mutable_initializer(0)->set_raw_data(raw<float>({3.0F}));
  EXPECT_EQ(elements<float>(parse(model)), std::vector{3.0F});

  auto empty = model_with(TensorProto::FLOAT, {0});
  const Graph graph = parse(empty);
  EXPECT_TRUE(graph.value(graph.find("w")).is_constant());
  EXPECT_EQ(graph.value(graph.find("w")).constant.bytes(), 0U);
}

TEST(OnnxTensor, CountsThatDoNotFitTheShape) {
  auto model = model_with(TensorProto::FLOAT, {2, 2});
  model.mutable_graph()->mutable_initializer(0)->set_raw_data(raw<float>({1, 2, 3}));
  expect_invalid(model, {"initializer w", "[2, 2]", "needs 16 bytes", "has 12"});
  auto typed = model_with(TensorProto::FLOAT, {2, 2});
  typed.mutable_graph()->mutable_initializer(0)->add_float_data(1);
  expect_invalid(typed, {"initializer w", "needs 4 elements", "has 1"});
  expect_invalid(model_with(TensorProto::FLOAT, {1}), {"initializer w", "has 0"});
}

TEST(OnnxTensor, ShapesThatNoMemoryHolds) {
  constexpr std::int64_t big = std::int64_t{1} << 40;
  expect_invalid(model_with(TensorProto::FLOAT, {-1}), {"initializer w", "negative extent -1"});
  expect_invalid(model_with(TensorProto::FLOAT, {big, big}), {"initializer w", "larger than any memory"});
  expect_invalid(model_with(TensorProto::FLOAT, {0, big, big}), {"initializer w", "larger than any memory"});
  // 2^32 * 2^32 wraps to zero elements, which no data would satisfy.
  expect_invalid(model_with(TensorProto::FLOAT, {std::int64_t{1} << 32, std::int64_t{1} << 32}),
                 {"larger than any memory"});
  expect_invalid(model_with(TensorProto::FLOAT, {1, 1, 1, 1, 1, 1, 1, 1, 1}), {"initializer w", "9 dimensions"});
}

TEST(OnnxTensor, TypesTesseraHasNot) {
  for (const auto& [type, name] :
       std::initializer_list<std::pair<int, const char*>>{{TensorProto::STRING, "STRING"},
                                                          {TensorProto::INT16, "INT16"},
                                                          {TensorProto::UINT64, "UINT64"},
                                                          {TensorProto::COMPLEX64, "COMPLEX64"},
                                                          {TensorProto::UNDEFINED, "UNDEFINED"},
                                                          {99, "number 99"}})
    expect_invalid(model_with(type, {1}), {"initializer w", "element type", name, "not supported"});
}

TEST(OnnxTensor, SegmentsAreRefused) {
  auto model = model_with(TensorProto::FLOAT, {1});
  model.mutable_graph()->mutable_initializer(0)->mutable_segment()->set_begin(0);
  expect_invalid(model, {"initializer w", "segments"});
}

// IEEE 754's own arithmetic says what a half is worth.
TEST(OnnxTensor, EveryHalfIsWidenedExactly) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = float_from_half(static_cast<std::uint16_t>(bits));
    const int exponent = static_cast<int>(bits >> 10 & 0x1f), fraction = static_cast<int>(bits & 0x3ff);
    const double sign = bits >> 15 != 0 ? -1.0 : 1.0;
    if (exponent == 31) {
      if (fraction == 0) {
        EXPECT_EQ(static_cast<double>(value), sign * std::numeric_limits<double>::infinity());
      } else {
        EXPECT_TRUE(value != value);
      }
      continue;
    }
    const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    EXPECT_EQ(static_cast<double>(value), sign * magnitude) << bits;
    EXPECT_EQ(std::signbit(value), sign < 0) << bits;
  }
}

}  // namespace
}  // namespace tessera::formats_testing
