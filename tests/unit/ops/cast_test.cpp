#include <cmath>
#include <limits>

#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::floats;
using test::run_op;
using test::tensor;

// Numbers of ONNX's TensorProto.DataType.
constexpr std::int64_t to_f32 = 1, to_u8 = 2, to_s8 = 3, to_s32 = 6, to_i64 = 7, to_bool = 9, to_bf16 = 16;

template <typename T>
std::vector<T> cast(const Tensor& input, std::int64_t to) {
  return elements<T>(run_op("Cast", {input}, {{"to", to}}));
}

TEST(Cast, RealToIntegerGoesTowardsZero) {
  const Tensor input = floats(Shape{4}, {1.9F, -1.9F, 0.5F, -0.5F});
  EXPECT_EQ(cast<std::int64_t>(input, to_i64), (std::vector<std::int64_t>{1, -1, 0, 0}));
  EXPECT_EQ(cast<std::int8_t>(input, to_s8), (std::vector<std::int8_t>{1, -1, 0, 0}));
}

TEST(Cast, RealToIntegerStopsAtTheEndsOfTheRange) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor input = floats(Shape{5}, {300, -300, infinity, -infinity, std::nanf("")});
  EXPECT_EQ(cast<std::uint8_t>(input, to_u8), (std::vector<std::uint8_t>{255, 0, 255, 0, 0}));
  EXPECT_EQ(cast<std::int8_t>(input, to_s8), (std::vector<std::int8_t>{127, -128, 127, -128, 0}));
  EXPECT_EQ(cast<std::int32_t>(input, to_s32),
            (std::vector<std::int32_t>{300, -300, std::numeric_limits<std::int32_t>::max(),
                                       std::numeric_limits<std::int32_t>::min(), 0}));
  EXPECT_EQ(
      cast<std::int64_t>(floats(Shape{2}, {1e30F, -1e30F}), to_i64),
      (std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}));
}

TEST(Cast, IntegersKeepTheirLowBits) {
  const Tensor input = tensor<std::int64_t>(Shape{3}, {-1, 256 + 5, 70000});
  EXPECT_EQ(cast<std::uint8_t>(input, to_u8), (std::vector<std::uint8_t>{255, 5, 112}));
  EXPECT_EQ(cast<std::int32_t>(input, to_s32), (std::vector<std::int32_t>{-1, 261, 70000}));
  EXPECT_EQ(cast<float>(input, to_f32), (std::vector<float>{-1, 261, 70000}));
}

TEST(Cast, Booleans) {
  EXPECT_EQ(cast<bool>(floats(Shape{3}, {0.0F, -0.0F, 0.25F}), to_bool), (std::vector<bool>{false, false, true}));
  EXPECT_EQ(cast<bool>(tensor<std::int32_t>(Shape{2}, {0, 2}), to_bool), (std::vector<bool>{false, true}));
  EXPECT_EQ(cast<float>(tensor<bool>(Shape{2}, {false, true}), to_f32), (std::vector<float>{0, 1}));
  EXPECT_EQ(cast<std::int64_t>(tensor<bool>(Shape{2}, {false, true}), to_i64), (std::vector<std::int64_t>{0, 1}));
}

TEST(Cast, Bfloat16RoundsToNearestEven) {
  // 1 + 2^-8 lies half way between two bfloat16 numbers; the even one is 1.
  const Tensor input = floats(Shape{2}, {1.0F + 0x1p-8F, 3.0F});
  const auto rounded = cast<bfloat16>(input, to_bf16);
  EXPECT_EQ(static_cast<float>(rounded[0]), 1.0F);
  EXPECT_EQ(cast<float>(tensor<bfloat16>(Shape{1}, {bfloat16(3.0F)}), to_f32), std::vector<float>{3});
  EXPECT_EQ(cast<std::int32_t>(tensor<bfloat16>(Shape{1}, {bfloat16(-3.5F)}), to_s32), std::vector<std::int32_t>{-3});
  EXPECT_EQ(static_cast<float>(cast<bfloat16>(tensor<std::int64_t>(Shape{1}, {5}), to_bf16)[0]), 5.0F);
}

TEST(Cast, NamesTheTypeItCannotMake) {
  constexpr std::int64_t to_s16 = 5;
  expect_error(ErrorKind::invalid, {"node tested (Cast)", "to = 5"},
               [] { cast<float>(floats(Shape{1}, {1}), to_s16); });
  expect_error(ErrorKind::invalid, {"tested", "to is missing"}, [] { run_op("Cast", {floats(Shape{1}, {1})}); });
}

}  // namespace
}  // namespace tessera
