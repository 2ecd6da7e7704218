#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Axes = std::vector<std::int64_t>;
using Int = std::int64_t;
constexpr Int one = 1, none = 0;

TEST(Reduce, TakesAxesAsAttribute) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 9});
  EXPECT_EQ(elements<float>(run_op("ReduceMean", {x}, {{"axes", Axes{1}}})), (std::vector<float>{2, 6}));
  EXPECT_EQ(elements<float>(run_op("ReduceMean", {x}, {{"axes", Axes{0}}})), (std::vector<float>{2.5F, 3.5F, 6}));
  EXPECT_EQ(elements<float>(run_op("ReduceMean", {x})), (std::vector<float>{4}));
  EXPECT_EQ(elements<float>(run_op("ReduceSum", {x}, {{"axes", Axes{-1}}})), (std::vector<float>{6, 18}));
  EXPECT_EQ(elements<float>(run_op("ReduceMax", {x}, {{"axes", Axes{-2}}})), (std::vector<float>{4, 5, 9}));
}

TEST(Reduce, TakesAxesAsInput) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 9});
  EXPECT_EQ(elements<float>(OneNode("ReduceMean").feed(x).constant(integers({1})).run()), (std::vector<float>{2, 6}));
  // An empty list means all axes, or none where the attribute says so.
  EXPECT_EQ(elements<float>(OneNode("ReduceSum").feed(x).constant(integers({})).run()), (std::vector<float>{24}));
  EXPECT_EQ(elements<float>(OneNode("ReduceSum", {{"noop_with_empty_axes", one}}).feed(x).constant(integers({})).run()),
            elements<float>(x));
}

TEST(Reduce, ReducesAnySetOfAxes) {
  const Tensor x = small_integers({3, 4, 5, 6}, 7);
  for (const Axes& axes : {Axes{0}, Axes{1}, Axes{3}, Axes{0, 2}, Axes{1, 3}, Axes{2, 3}, Axes{0, 1, 2}}) {
    // The same by an index computation: every element is added to the element it collapses into.
    Shape kept{3, 4, 5, 6};
    for (const Int axis : axes) kept[static_cast<std::size_t>(axis)] = 1;
    Tensor expected(DataType::f32, kept);
    for (Int i = 0; i < 360; ++i) {
      const std::array<Int, 4> at{i / 120, i / 30 % 4, i / 6 % 5, i % 6};
      Int target = 0;
      for (std::size_t axis = 0; axis < 4; ++axis) target = target * kept[axis] + (kept[axis] == 1 ? 0 : at[axis]);
      expected.mutable_as<float>()[static_cast<std::size_t>(target)] += x.as<float>()[static_cast<std::size_t>(i)];
    }
    expect_equal(run_op("ReduceSum", {x}, {{"axes", axes}}), expected);
    EXPECT_EQ(elements<float>(run_op("ReduceSum", {x}, {{"axes", axes}, {"keepdims", none}})),
              elements<float>(expected));
  }
}

TEST(Reduce, ReducesIntegers) {
  EXPECT_EQ(elements<Int>(run_op("ReduceSum", {integers({1, 2, 3})})), std::vector<Int>{6});
  EXPECT_EQ(elements<Int>(run_op("ReduceMax", {integers({-3, -2})})), std::vector<Int>{-2});
  EXPECT_EQ(elements<std::int32_t>(run_op("ReduceMax", {tensor<std::int32_t>({2}, {-3, -2})})),
            std::vector<std::int32_t>{-2});
}

TEST(Reduce, MeanOfManyIsAccurate) {
  // Sixteen lanes: an element takes part in at most n / 16 + 4 additions, then one division.
  const Tensor x = reals({1, 4096}, 5);
  double expected = 0;
  for (const float value : x.as<float>()) expected += value;
  const float mean = run_op("ReduceMean", {x}, {{"axes", Axes{1}}}).as<float>()[0];
  EXPECT_NEAR(mean, expected / 4096, (4096 / 16 + 5) * rounding);
}

TEST(Reduce, ArgMaxFindsTheFirstOrTheLast) {
  const Tensor x = floats({2, 3}, {1, 5, 5, 7, 0, 2});
  EXPECT_EQ(elements<Int>(run_op("ArgMax", {x}, {{"axis", one}})), (std::vector<Int>{1, 0}));
  EXPECT_EQ(elements<Int>(run_op("ArgMax", {x}, {{"axis", Int{-1}}, {"select_last_index", one}})),
            (std::vector<Int>{2, 0}));
  EXPECT_EQ(elements<Int>(run_op("ArgMax", {x})), (std::vector<Int>{1, 0, 0}));
  EXPECT_EQ(elements<Int>(run_op("ArgMax", {integers({3, 9, 4})})), (std::vector<Int>{1}));
  EXPECT_EQ(to_string(run_op("ArgMax", {x}, {{"axis", one}, {"keepdims", none}}).shape()), "[2]");
}

TEST(Reduce, InfersSymbolicShapes) {
  const SymbolicShape x{symbol("batch"), symbol("seq"), Dim(8)};
  EXPECT_EQ(OneNode("ReduceMean", {{"axes", Axes{-1}}}).input(x).shape(), "[batch, seq, 1]");
  EXPECT_EQ(OneNode("ReduceMean", {{"keepdims", none}}).input(x).constant(integers({1, 2})).shape(), "[batch]");
  EXPECT_EQ(OneNode("ReduceSum", {{"keepdims", none}}).input(x).shape(), "[]");
  EXPECT_EQ(OneNode("ArgMax", {{"axis", Int{1}}}).input(x).shape(), "[batch, 1, 8]");
  EXPECT_EQ(OneNode("ArgMax").input(x).infer().type, DataType::i64);
}

TEST(Reduce, NamesWhatDoesNotFit) {
  const SymbolicShape x{Dim(2), Dim(3)};
  expect_rejected({"node tested (ReduceMean)", "axis 2", "rank 2"}, [&] {
    OneNode("ReduceMean", {{"axes", Axes{2}}}).input(x).infer();
  });
  expect_rejected({"node tested (ReduceMean)", "i64"}, [&] { OneNode("ReduceMean").input(DataType::i64, x).infer(); });
  expect_rejected({"node tested (ReduceSum)", "axes", "not constant"},
                  [&] { OneNode("ReduceSum").input(x).input(DataType::i64, {Dim(1)}).infer(); });
  expect_rejected({"node tested (ReduceSum)", "input 1", "f32"},
                  [&] { OneNode("ReduceSum").input(x).constant(floats({1}, {0})).infer(); });
  expect_rejected({"node tested (ArgMax)", "empty"}, [] { OneNode("ArgMax").input({Dim(0)}).infer(); });
}

}  // namespace
}  // namespace tessera::test
