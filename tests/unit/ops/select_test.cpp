#include <algorithm>
#include <limits>

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

constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();

const Tensor six = floats(Shape{3, 2}, {1, 2, 3, 4, 5, 6});

TEST(Gather, PicksRows) {
  const Tensor picked = run_op("Gather", {six, integers({2, 0, 2})});
  EXPECT_EQ(picked.shape(), (Shape{3, 2}));
  EXPECT_EQ(elements<float>(picked), (Floats{5, 6, 1, 2, 5, 6}));
}

TEST(Gather, PicksAlongInnerAxesAndFromTheBack) {
  const Tensor picked = run_op("Gather", {six, integers({-1})}, {{"axis", std::int64_t{1}}});
  EXPECT_EQ(picked.shape(), (Shape{3, 1}));
  EXPECT_EQ(elements<float>(picked), (Floats{2, 4, 6}));
  EXPECT_EQ(elements<float>(run_op("Gather", {six, integers({0})}, {{"axis", std::int64_t{-1}}})), (Floats{1, 3, 5}));
}

TEST(Gather, TheShapeOfIndicesReplacesTheAxis) {
  const Tensor indices = tensor<std::int32_t>(Shape{2, 2}, {0, 1, 1, 2});
  EXPECT_EQ(run_op("Gather", {six, indices}).shape(), (Shape{2, 2, 2}));
  const Tensor row = run_op("Gather", {six, Tensor::scalar(std::int64_t{1})});
  EXPECT_EQ(row.shape(), (Shape{2}));
  EXPECT_EQ(elements<float>(row), (Floats{3, 4}));
}

TEST(Gather, NamesTheIndexOutOfRange) {
  expect_error(ErrorKind::invalid, {"node tested (Gather)", "index 3", "3 entries", "axis 0"}, [] {
    run_op("Gather", {six, integers({3})});
  });
  expect_error(ErrorKind::invalid, {"tested", "index -4"}, [] { run_op("Gather", {six, integers({-4})}); });
  expect_error(ErrorKind::invalid, {"tested", "axis 2"}, [] {
    run_op("Gather", {six, integers({0})}, {{"axis", std::int64_t{2}}});
  });
  expect_error(ErrorKind::invalid, {"tested", "f32", "i64"}, [] { run_op("Gather", {six, floats(Shape{1}, {0})}); });
}

Floats sliced(std::int64_t start, std::int64_t end, std::int64_t step) {
  return elements<float>(run_op("Slice", {floats(Shape{5}, {0, 1, 2, 3, 4}), integers({start}), integers({end}),
                                          integers({0}), integers({step})}));
}

TEST(Slice, FollowsPythonsRules) {
  EXPECT_EQ(sliced(1, 4, 1), (Floats{1, 2, 3}));
  EXPECT_EQ(sliced(0, highest, 2), (Floats{0, 2, 4}));
  EXPECT_EQ(sliced(-2, highest, 1), (Floats{3, 4}));
  EXPECT_EQ(sliced(0, -1, 1), (Floats{0, 1, 2, 3}));
  EXPECT_EQ(sliced(3, 1, 1), (Floats{}));
  EXPECT_EQ(sliced(9, highest, 1), (Floats{}));
  EXPECT_EQ(sliced(lowest, 2, 1), (Floats{0, 1}));
  EXPECT_EQ(sliced(1, 5, highest), (Floats{1}));
}

TEST(Slice, WalksBackwards) {
  EXPECT_EQ(sliced(-1, lowest, -1), (Floats{4, 3, 2, 1, 0}));
  EXPECT_EQ(sliced(-1, -6, -1), (Floats{4, 3, 2, 1, 0}));
  EXPECT_EQ(sliced(highest, 0, -2), (Floats{4, 2}));
  EXPECT_EQ(sliced(3, 1, -1), (Floats{3, 2}));
  EXPECT_EQ(sliced(1, 3, -1), (Floats{}));
  EXPECT_EQ(sliced(4, lowest, lowest), (Floats{4}));
}

/// The places a slice visits, by ONNX's rules for clamping and then one step at a time.
Floats stepped(std::int64_t extent, std::int64_t start, std::int64_t end, std::int64_t step) {
  const std::int64_t last = step > 0 ? extent : extent - 1;
  const std::int64_t before = step > 0 ? 0 : -1;
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  start = std::clamp<std::int64_t>(start, 0, std::max<std::int64_t>(last, 0));
  end = std::clamp(end, before, last);
  Floats places;
  for (std::int64_t i = start; extent > 0 && (step > 0 ? i < end : i > end); i += step)
    places.push_back(static_cast<float>(i));
  return places;
}

TEST(Slice, EveryStartEndAndStepOfSmallTensors) {
  for (std::int64_t extent = 0; extent <= 3; ++extent) {
    Tensor input(DataType::f32, Shape{extent});
    for (std::int64_t i = 0; i < extent; ++i)
      input.mutable_as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(i);
    for (std::int64_t start = -5; start <= 5; ++start)
      for (std::int64_t end = -5; end <= 5; ++end)
        for (const std::int64_t step : {-5, -2, -1, 1, 2, 5})
          EXPECT_EQ(elements<float>(
                        run_op("Slice", {input, integers({start}), integers({end}), integers({0}), integers({step})})),
                    stepped(extent, start, end, step))
              << extent << " elements, " << start << ":" << end << ":" << step;
  }
}

TEST(Slice, CutsSeveralAxesAndDefaultsToTheFirst) {
  const Tensor input = floats(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor corner = run_op("Slice", {input, integers({0, -1}), integers({1, highest}), integers({0, -1})});
  EXPECT_EQ(corner.shape(), (Shape{1, 1}));
  EXPECT_EQ(elements<float>(corner), (Floats{3}));
  EXPECT_EQ(elements<float>(run_op("Slice", {input, integers({1}), integers({2})})), (Floats{4, 5, 6}));
}

TEST(Slice, TakesAttributesOfOldOpsets) {
  EXPECT_EQ(
      elements<float>(run_op("Slice", {six}, {{"starts", Integers{1}}, {"ends", Integers{2}}, {"axes", Integers{1}}})),
      (Floats{2, 4, 6}));
}

TEST(Slice, RefusesNonsense) {
  expect_error(ErrorKind::invalid, {"node tested (Slice)", "step"}, [] {
    run_op("Slice", {six, integers({0}), integers({1}), integers({0}), integers({0})});
  });
  expect_error(ErrorKind::invalid, {"tested", "length"}, [] {
    run_op("Slice", {six, integers({0, 0}), integers({1})});
  });
  expect_error(ErrorKind::invalid, {"tested", "axes"}, [] {
    run_op("Slice", {six, integers({0, 0}), integers({1, 1}), integers({0})});
  });
  expect_error(ErrorKind::invalid, {"tested", "axis 0", "twice"}, [] {
    run_op("Slice", {six, integers({2, 2}), integers({3, 3}), integers({0, -2})});
  });
  expect_error(ErrorKind::invalid, {"tested", "starts"}, [] { run_op("Slice", {six}); });
}

TEST(Slice, SymbolicExtents) {
  const Dim seq("seq");
  const auto cut = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    Graph graph;
    const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{seq});
    std::vector<ValueId> inputs{x};
    for (const std::int64_t number : {start, end, std::int64_t{0}, step})
      inputs.push_back(graph.add_constant("n", integers({number})));
    graph.outputs = {graph.append("Slice", "slice", inputs)};
    infer_shapes(graph);
    return to_string(graph.value(graph.outputs[0]).shape);
  };
  EXPECT_EQ(cut(0, highest, 1), "[seq]");
  EXPECT_EQ(cut(0, 1, 1), "[1]");
  EXPECT_EQ(cut(-1, highest, 1), "[1]");
  EXPECT_EQ(cut(1, highest, 1), "[(seq-1)]");
  EXPECT_EQ(cut(0, -1, 1), "[(seq-1)]");
  EXPECT_EQ(cut(0, highest, 2), "[((seq+1)/2)]");
  EXPECT_EQ(cut(-1, lowest, -1), "[seq]");
  EXPECT_EQ(cut(0, 5, 1), "[?]") << "whether seq reaches 5 is open";
}

TEST(Expand, RepeatsAlongAxesOfOne) {
  const Tensor column = floats(Shape{2, 1}, {1, 2});
  const Tensor wide = run_op("Expand", {column, integers({2, 3})});
  EXPECT_EQ(elements<float>(wide), (Floats{1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(run_op("Expand", {column, integers({4, 1, 1})}).shape(), (Shape{4, 2, 1}))
      << "1 in the shape keeps the data";
  EXPECT_EQ(elements<std::int64_t>(run_op("Expand", {Tensor::scalar(std::int64_t{5}), integers({2})})),
            (Integers{5, 5}));
  expect_error(ErrorKind::invalid, {"node tested (Expand)", "2 and 3"}, [&] {
    run_op("Expand", {column, integers({3, 1})});
  });
}

TEST(Where, ChoosesWithBroadcasting) {
  const Tensor condition = tensor<bool>(Shape{2, 1}, {true, false});
  const Tensor chosen = run_op("Where", {condition, floats(Shape{3}, {1, 2, 3}), Tensor::scalar(-9.0F)});
  EXPECT_EQ(chosen.shape(), (Shape{2, 3}));
  EXPECT_EQ(elements<float>(chosen), (Floats{1, 2, 3, -9, -9, -9}));
  expect_error(ErrorKind::invalid, {"node tested (Where)", "bool"}, [] {
    run_op("Where", {six, Tensor::scalar(1.0F), Tensor::scalar(2.0F)});
  });
  expect_error(ErrorKind::invalid, {"tested", "f32 and i64"}, [&] {
    run_op("Where", {condition, Tensor::scalar(1.0F), Tensor::scalar(std::int64_t{2})});
  });
}

}  // namespace
}  // namespace tessera
