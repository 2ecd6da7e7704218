#include <limits>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Int = std::int64_t;
using U8 = std::vector<std::uint8_t>;
using S8 = std::vector<std::int8_t>;

const float infinity = std::numeric_limits<float>::infinity();

Tensor u8(const Shape& shape, std::initializer_list<std::uint8_t> values) {
  return tensor<std::uint8_t>(shape, values);
}
Tensor s8(const Shape& shape, std::initializer_list<std::int8_t> values) {
  return tensor<std::int8_t>(shape, values);
}

TEST(QuantizeLinear, RoundsTiesToEven) {
  const Tensor x = floats({8}, {0.5F, 1.5F, 2.5F, 3.5F, 2.4F, 2.6F, -0.5F, -1.5F});
  EXPECT_EQ(elements<std::uint8_t>(run_op("QuantizeLinear", {x, floats({}, {1}), u8({}, {10})})),
            (U8{10, 12, 12, 14, 12, 13, 10, 8}));
  EXPECT_EQ(elements<std::int8_t>(run_op("QuantizeLinear", {x, floats({}, {1}), s8({}, {0})})),
            (S8{0, 2, 2, 4, 2, 3, 0, -2}));
}

TEST(QuantizeLinear, Saturates) {
  const Tensor x = floats({7}, {-infinity, -1e30F, -10.4F, 245.4F, 245.6F, 1e30F, infinity});
  EXPECT_EQ(elements<std::uint8_t>(run_op("QuantizeLinear", {x, floats({}, {1}), u8({}, {10})})),
            (U8{0, 0, 0, 255, 255, 255, 255}));
  EXPECT_EQ(elements<std::int8_t>(run_op("QuantizeLinear", {x, floats({}, {1}), s8({}, {-10})})),
            (S8{-128, -128, -20, 127, 127, 127, 127}));
  // NaN has no nearest integer; it becomes the lowest one, as the conversion instructions have it.
  const Tensor nan = floats({1}, {std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(elements<std::uint8_t>(run_op("QuantizeLinear", {nan, floats({}, {1}), u8({}, {10})})), U8{0});
}

TEST(QuantizeLinear, ChoosesTheTypeOfTheZeroPointOrTheAttribute) {
  const Tensor x = floats({2}, {-3, 3}), scale = floats({}, {0.5F});
  EXPECT_EQ(elements<std::uint8_t>(run_op("QuantizeLinear", {x, scale})), (U8{0, 6}));
  EXPECT_EQ(elements<std::int8_t>(run_op("QuantizeLinear", {x, scale}, {{"output_dtype", Int{3}}})), (S8{-6, 6}));
}

TEST(QuantizeLinear, WorksPerAxis) {
  const Tensor x = floats({2, 2, 2}, {1, 2, 1, 2, 3, 4, 3, 4});
  EXPECT_EQ(elements<std::uint8_t>(run_op("QuantizeLinear", {x, floats({2}, {1, 0.5F}), u8({2}, {0, 100})})),
            (U8{1, 2, 102, 104, 3, 4, 106, 108}));
  EXPECT_EQ(elements<std::uint8_t>(
                run_op("QuantizeLinear", {x, floats({2}, {1, 0.5F}), u8({2}, {0, 100})}, {{"axis", Int{0}}})),
            (U8{1, 2, 1, 2, 106, 108, 106, 108}));
  EXPECT_EQ(elements<std::int8_t>(
                run_op("QuantizeLinear", {x, floats({2}, {1, 0.5F}), s8({2}, {0, -100})}, {{"axis", Int{-1}}})),
            (S8{1, -96, 1, -96, 3, -92, 3, -92}));
  // One scale in a vector is still per tensor.
  EXPECT_EQ(elements<std::uint8_t>(run_op("QuantizeLinear", {x, floats({1}, {0.5F}), u8({1}, {0})})),
            (U8{2, 4, 2, 4, 6, 8, 6, 8}));
}

TEST(DequantizeLinear, InvertsTheFormula) {
  EXPECT_EQ(elements<float>(run_op("DequantizeLinear", {u8({3}, {0, 10, 255}), floats({}, {0.5F}), u8({}, {10})})),
            (std::vector<float>{-5, 0, 122.5F}));
  EXPECT_EQ(elements<float>(run_op("DequantizeLinear", {s8({2}, {-128, 127}), floats({}, {2})})),
            (std::vector<float>{-256, 254}));
  EXPECT_EQ(elements<float>(run_op("DequantizeLinear", {tensor<std::int32_t>({2}, {-100000, 7}), floats({}, {0.25F})})),
            (std::vector<float>{-25000, 1.75F}));
  EXPECT_EQ(
      elements<float>(run_op("DequantizeLinear", {s8({2, 2}, {1, 2, 3, 4}), floats({2}, {1, 10})}, {{"axis", Int{0}}})),
      (std::vector<float>{1, 2, 30, 40}));
}

TEST(DequantizeLinear, UndoesQuantizeLinearOnItsOwnGrid) {
  Tensor all(DataType::u8, {256});
  for (std::size_t i = 0; i < 256; ++i) all.mutable_as<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
  for (const float scale : {1.0F, 0.1F, 0.0371F, 3e-5F}) {
    const Tensor real = run_op("DequantizeLinear", {all, floats({}, {scale}), u8({}, {77})});
    EXPECT_EQ(elements<std::uint8_t>(run_op("QuantizeLinear", {real, floats({}, {scale}), u8({}, {77})})),
              elements<std::uint8_t>(all));
  }
}

TEST(QuantizeLinear, InfersTypesAndSymbolicShapes) {
  const SymbolicShape x{symbol("batch"), Dim(4)};
  const Value q = OneNode("QuantizeLinear").input(x).input({Dim(4)}).input(DataType::s8, {Dim(4)}).infer();
  EXPECT_EQ(to_string(q.shape), "[batch, 4]");
  EXPECT_EQ(q.type, DataType::s8);
  EXPECT_EQ(OneNode("QuantizeLinear").input(x).input(scalar_shape()).infer().type, DataType::u8);
  const Value real = OneNode("DequantizeLinear").input(DataType::s32, x).input(scalar_shape()).infer();
  EXPECT_EQ(real.type, DataType::f32);
  EXPECT_EQ(to_string(real.shape), "[batch, 4]");
}

TEST(QuantizeLinear, NamesWhatDoesNotFit) {
  const SymbolicShape x{Dim(2), Dim(4)}, scalar = scalar_shape();
  const auto quantize = [&](Attributes attributes) {
    return OneNode("QuantizeLinear", std::move(attributes)).input(x);
  };
  expect_rejected({"node tested (QuantizeLinear)", "number of scales", "is 3 where 4"},
                  [&] { quantize({}).input({Dim(3)}).infer(); });
  expect_rejected({"node tested (QuantizeLinear)", "[2, 2]", "per axis"}, [&] {
    quantize({}).input({Dim(2), Dim(2)}).infer();
  });
  expect_rejected({"node tested (QuantizeLinear)", "zero point has shape [4]"},
                  [&] { quantize({}).input(scalar).input(DataType::u8, {Dim(4)}).infer(); });
  expect_rejected({"node tested (QuantizeLinear)", "input 2", "s32"},
                  [&] { quantize({}).input(scalar).input(DataType::s32, scalar).infer(); });
  expect_rejected({"node tested (QuantizeLinear)", "block_size is 16"}, [&] {
    quantize({{"block_size", Int{16}}}).input(scalar).infer();
  });
  expect_rejected({"node tested (QuantizeLinear)", "output_dtype is 17"}, [&] {
    quantize({{"output_dtype", Int{17}}}).input(scalar).infer();
  });
  expect_rejected({"node tested (QuantizeLinear)", "disagrees"}, [&] {
    quantize({{"output_dtype", Int{3}}}).input(scalar).input(DataType::u8, scalar).infer();
  });
  expect_rejected({"node tested (QuantizeLinear)", "axis 2"}, [&] {
    quantize({{"axis", Int{2}}}).input({Dim(4)}).infer();
  });
  expect_rejected({"node tested (DequantizeLinear)", "i64"},
                  [&] { OneNode("DequantizeLinear").input(DataType::i64, x).input(scalar).infer(); });
  expect_rejected({"node tested (DequantizeLinear)", "u8", "s8"}, [&] {
    OneNode("DequantizeLinear").input(DataType::u8, x).input(scalar).input(DataType::s8, scalar).infer();
  });
}

}  // namespace
}  // namespace tessera::test
