#include "core/checked_size.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/error.hpp"
#include "tessera/tensor.hpp"

namespace tessera {
namespace {

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

TEST(CheckedSize, ProductsThatWrapAreNone) {
  EXPECT_EQ(checked_product(std::vector<std::int64_t>{2, 3, 4}), 24);
  EXPECT_EQ(checked_product(std::vector<std::int64_t>{}), 1);
  EXPECT_EQ(checked_product(std::vector<std::int64_t>{2, 0, 4}), 0);
  EXPECT_FALSE(checked_product(std::vector<std::int64_t>{huge, 2}).has_value());
  EXPECT_FALSE(checked_product(std::vector<std::int64_t>{0, huge, huge}).has_value());  // strides are products of these
  EXPECT_FALSE(checked_product(std::vector<std::int64_t>{2, -1}).has_value());
}

TEST(CheckedSize, BytesBeyondAnyMemoryAreNamed) {
  EXPECT_EQ(checked_bytes(Shape{2, 3}, DataType::f32, "x"), 24U);
  for (const Shape& shape : {Shape{huge}, Shape{huge / 2, 3}, Shape{std::int64_t{1} << 32, std::int64_t{1} << 32}})
    try {
      checked_bytes(shape, DataType::f32, "tensor x");
      ADD_FAILURE() << to_string(shape);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      EXPECT_EQ(error.subject(), "tensor x");
    }
  EXPECT_THROW(checked_bytes({huge, 4}, "image"), Error);
}

TEST(CheckedSize, ATensorThatCannotBeIsAnErrorAndNotASmallBuffer) {
  EXPECT_THROW(Tensor(DataType::f32, Shape{std::int64_t{1} << 62, 4}), Error);  // 2^66 bytes wrap to 0
  EXPECT_THROW(Tensor(DataType::i64, Shape{std::int64_t{1} << 61}), Error);     // 2^64 bytes, too
  EXPECT_EQ((Shape{std::int64_t{1} << 62, 4}).elements(), huge);
}

}  // namespace
}  // namespace tessera
