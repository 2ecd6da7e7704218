#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::floats;
using test::integers;
using test::run_op;
using test::tensor;

TEST(ShapeOp, ListsExtents) {
  const Tensor input(DataType::f32, Shape{2, 3, 4});
  EXPECT_EQ(elements<std::int64_t>(run_op("Shape", {input})), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(run_op("Shape", {Tensor::scalar(1.0F)}).shape(), Shape{0});
}

TEST(ShapeOp, StartAndEndCountFromEitherSideAndClamp) {
  const Tensor input(DataType::f32, Shape{2, 3, 4});
  const auto between = [&](std::int64_t start, std::int64_t end) {
    return elements<std::int64_t>(run_op("Shape", {input}, {{"start", start}, {"end", end}}));
  };
  EXPECT_EQ(between(1, 2), std::vector<std::int64_t>{3});
  EXPECT_EQ(between(-2, 100), (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(between(-100, -1), (std::vector<std::int64_t>{2, 3}));
  EXPECT_TRUE(between(2, 1).empty());
}

TEST(SizeOp, CountsElements) {
  EXPECT_EQ(elements<std::int64_t>(run_op("Size", {Tensor(DataType::u8, Shape{2, 3, 4})})),
            std::vector<std::int64_t>{24});
}

TEST(ConstantOfShape, FillsWithItsValueOrFloatZero) {
  const Tensor zeros = run_op("ConstantOfShape", {integers({2, 2})});
  EXPECT_EQ(elements<float>(zeros), (std::vector<float>{0, 0, 0, 0}));
  const Tensor sevens = run_op("ConstantOfShape", {integers({3})}, {{"value", integers({7})}});
  EXPECT_EQ(elements<std::int64_t>(sevens), (std::vector<std::int64_t>{7, 7, 7}));
  EXPECT_EQ(run_op("ConstantOfShape", {integers({})}).shape(), Shape{});
}

TEST(ConstantOfShape, RefusesImpossibleShapes) {
  expect_error(ErrorKind::invalid, {"tested", "ConstantOfShape", "negative"}, [] {
    run_op("ConstantOfShape", {integers({2, -1})});
  });
  expect_error(ErrorKind::invalid, {"tested", "too large"}, [] {
    run_op("ConstantOfShape", {integers({std::int64_t{1} << 40, std::int64_t{1} << 40})});
  });
  expect_error(ErrorKind::invalid, {"tested", "value", "one element"}, [] {
    run_op("ConstantOfShape", {integers({2})}, {{"value", integers({1, 2})}});
  });
}

TEST(Range, CountsUpAndDown) {
  const auto range = [](std::int64_t start, std::int64_t limit, std::int64_t delta) {
    return elements<std::int64_t>(
        run_op("Range", {Tensor::scalar(start), Tensor::scalar(limit), Tensor::scalar(delta)}));
  };
  EXPECT_EQ(range(0, 4, 1), (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(range(1, 8, 3), (std::vector<std::int64_t>{1, 4, 7}));
  EXPECT_EQ(range(5, 0, -2), (std::vector<std::int64_t>{5, 3, 1}));
  EXPECT_TRUE(range(3, 3, 1).empty());
  EXPECT_EQ(range(0, 40, 1).size(), 40U);
}

TEST(Range, WorksInFloatAndInt32) {
  Graph graph;
  const ValueId start = graph.add_constant("start", Tensor::scalar(0.5F));
  const ValueId limit = graph.add_constant("limit", Tensor::scalar(2.0F));
  const ValueId delta = graph.add_constant("delta", Tensor::scalar(0.5F));
  graph.outputs = {graph.append("Range", "range", {start, limit, delta})};
  EXPECT_EQ(elements<float>(evaluate(graph, {}).front()), (std::vector<float>{0.5F, 1.0F, 1.5F}));
  EXPECT_EQ(elements<std::int32_t>(run_op("Range", {Tensor::scalar(std::int32_t{2}), Tensor::scalar(std::int32_t{4}),
                                                    Tensor::scalar(std::int32_t{1})})),
            (std::vector<std::int32_t>{2, 3}));
}

TEST(Range, RefusesWhatHasNoEnd) {
  expect_error(ErrorKind::invalid, {"tested", "Range", "delta"}, [] {
    run_op("Range",
           {Tensor::scalar(std::int64_t{0}), Tensor::scalar(std::int64_t{4}), Tensor::scalar(std::int64_t{0})});
  });
  expect_error(ErrorKind::invalid, {"tested", "type"}, [] {
    run_op("Range", {Tensor::scalar(std::int64_t{0}), Tensor::scalar(4.0F), Tensor::scalar(1.0F)});
  });
}

}  // namespace
}  // namespace tessera
