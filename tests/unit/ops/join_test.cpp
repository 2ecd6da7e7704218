#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::floats;
using test::integers;
using test::run_op;
using test::run_op_outputs;
using test::tensor;
using Integers = std::vector<std::int64_t>;
using Floats = std::vector<float>;

const Attributes axis0{{"axis", std::int64_t{0}}};
const Attributes axis1{{"axis", std::int64_t{1}}};
const Tensor square = floats(Shape{2, 2}, {1, 2, 3, 4});
const Tensor column = floats(Shape{2, 1}, {8, 9});

TEST(Concat, JoinsAlongAnyAxis) {
  const Tensor wide = run_op("Concat", {square, column, square}, axis1);
  EXPECT_EQ(wide.shape(), (Shape{2, 5}));
  EXPECT_EQ(elements<float>(wide), (Floats{1, 2, 8, 1, 2, 3, 4, 9, 3, 4}));
  EXPECT_EQ(elements<float>(run_op("Concat", {square, square}, axis0)), (Floats{1, 2, 3, 4, 1, 2, 3, 4}));
  EXPECT_EQ(run_op("Concat", {square, column}, {{"axis", std::int64_t{-1}}}).shape(), (Shape{2, 3}));
}

TEST(Concat, RefusesWhatDoesNotFit) {
  expect_error(ErrorKind::invalid, {"node tested (Concat)", "2 and 1", "axis 1"}, [] {
    run_op("Concat", {square, column}, axis0);
  });
  expect_error(ErrorKind::invalid, {"tested", "rank"}, [] {
    run_op("Concat", {square, floats(Shape{2}, {1, 2})}, axis0);
  });
  expect_error(ErrorKind::invalid, {"tested", "f32 and i64"}, [] { run_op("Concat", {square, integers({1})}, axis0); });
  expect_error(ErrorKind::invalid, {"tested", "axis is missing"}, [] { run_op("Concat", {square}); });
}

TEST(Split, DividesEqually) {
  const auto parts = run_op_outputs("Split", {floats(Shape{2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})}, axis1, 2);
  EXPECT_EQ(elements<float>(parts[0]), (Floats{1, 2, 5, 6}));
  EXPECT_EQ(elements<float>(parts[1]), (Floats{3, 4, 7, 8}));
}

TEST(Split, TakesSizesAsAttributeOrInput) {
  const Tensor input = floats(Shape{5}, {1, 2, 3, 4, 5});
  const auto by_attribute = run_op_outputs("Split", {input}, {{"split", Integers{2, 3}}}, 2);
  EXPECT_EQ(elements<float>(by_attribute[1]), (Floats{3, 4, 5}));
  const auto by_input = run_op_outputs("Split", {input, integers({4, 0, 1})}, {}, 3);
  EXPECT_EQ(elements<float>(by_input[0]), (Floats{1, 2, 3, 4}));
  EXPECT_EQ(by_input[1].shape(), Shape{0});
  EXPECT_EQ(elements<float>(by_input[2]), (Floats{5}));
}

TEST(Split, NumOutputsMayLeaveASmallerLastPart) {
  const auto parts =
      run_op_outputs("Split", {floats(Shape{5}, {1, 2, 3, 4, 5})}, {{"num_outputs", std::int64_t{2}}}, 2);
  EXPECT_EQ(elements<float>(parts[0]), (Floats{1, 2, 3}));
  EXPECT_EQ(elements<float>(parts[1]), (Floats{4, 5}));
}

TEST(Split, RefusesSizesThatDoNotAddUp) {
  const Tensor input = floats(Shape{5}, {1, 2, 3, 4, 5});
  expect_error(ErrorKind::invalid, {"node tested (Split)", "4", "5"}, [&] {
    run_op_outputs("Split", {input}, {{"split", Integers{2, 2}}}, 2);
  });
  expect_error(ErrorKind::invalid, {"tested", "divide"}, [&] { run_op_outputs("Split", {input}, {}, 2); });
  expect_error(ErrorKind::invalid, {"tested", "3 sizes", "2 outputs"}, [&] {
    run_op_outputs("Split", {input, integers({1, 1, 3})}, {}, 2);
  });
  expect_error(ErrorKind::invalid, {"tested", "negative"}, [&] {
    run_op_outputs("Split", {input, integers({6, -1})}, {}, 2);
  });
}

}  // namespace
}  // namespace tessera
