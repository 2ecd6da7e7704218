#include <cmath>
#include <limits>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Int = std::int64_t;
constexpr Int lowest = std::numeric_limits<Int>::min();
constexpr Int highest = std::numeric_limits<Int>::max();
const float nan = std::numeric_limits<float>::quiet_NaN();

TEST(Elementwise, ComputesEachOpOnEachType) {
  const auto a = floats({3}, {6, -7, 8}), b = floats({3}, {2, 2, -4});
  EXPECT_EQ(elements<float>(run_op("Add", {a, b})), (std::vector<float>{8, -5, 4}));
  EXPECT_EQ(elements<float>(run_op("Sub", {a, b})), (std::vector<float>{4, -9, 12}));
  EXPECT_EQ(elements<float>(run_op("Mul", {a, b})), (std::vector<float>{12, -14, -32}));
  EXPECT_EQ(elements<float>(run_op("Div", {a, b})), (std::vector<float>{3, -3.5F, -2}));
  const auto c = integers({6, -7, 8}), d = integers({2, 2, -4});
  EXPECT_EQ(elements<Int>(run_op("Add", {c, d})), (std::vector<Int>{8, -5, 4}));
  EXPECT_EQ(elements<Int>(run_op("Sub", {c, d})), (std::vector<Int>{4, -9, 12}));
  EXPECT_EQ(elements<Int>(run_op("Mul", {c, d})), (std::vector<Int>{12, -14, -32}));
  EXPECT_EQ(elements<Int>(run_op("Div", {c, d})), (std::vector<Int>{3, -3, -2}));
  const auto e = tensor<std::int32_t>({2}, {6, -7}), f = tensor<std::int32_t>({2}, {2, 2});
  EXPECT_EQ(elements<std::int32_t>(run_op("Add", {e, f})), (std::vector<std::int32_t>{8, -5}));
  EXPECT_EQ(elements<std::int32_t>(run_op("Div", {e, f})), (std::vector<std::int32_t>{3, -3}));
}

TEST(Elementwise, BroadcastsLikeNumPy) {
  const Tensor a = small_integers({2, 1, 3}, 1), b = small_integers({4, 1}, 2);
  for (const bool swapped : {false, true}) {
    const Tensor y = run_op("Sub", swapped ? std::vector{b, a} : std::vector{a, b});
    ASSERT_EQ(to_string(y.shape()), "[2, 4, 3]");
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t j = 0; j < 4; ++j)
        for (std::size_t k = 0; k < 3; ++k) {
          const float difference = a.as<float>()[i * 3 + k] - b.as<float>()[j];
          EXPECT_EQ(y.as<float>()[(i * 4 + j) * 3 + k], swapped ? -difference : difference);
        }
  }
}

TEST(Elementwise, TakesScalarsAndEmptyTensors) {
  EXPECT_EQ(elements<float>(run_op("Mul", {floats({2}, {1, 2}), floats({}, {3})})), (std::vector<float>{3, 6}));
  EXPECT_EQ(elements<float>(run_op("Sub", {floats({}, {5}), floats({2}, {1, 2})})), (std::vector<float>{4, 3}));
  const Tensor scalar = run_op("Add", {floats({}, {1}), floats({}, {2})});
  EXPECT_EQ(scalar.shape().rank(), 0U);
  EXPECT_EQ(scalar.as<float>()[0], 3.0F);
  EXPECT_EQ(to_string(run_op("Add", {Tensor(DataType::f32, {0, 3}), floats({1, 3}, {1, 2, 3})}).shape()), "[0, 3]");
}

TEST(Elementwise, WrapsIntegers) {
  EXPECT_EQ(elements<Int>(run_op("Add", {integers({highest}), integers({1})})), std::vector<Int>{lowest});
  EXPECT_EQ(elements<Int>(run_op("Sub", {integers({lowest}), integers({1})})), std::vector<Int>{highest});
  EXPECT_EQ(elements<Int>(run_op("Mul", {integers({highest}), integers({2})})), std::vector<Int>{-2});
  EXPECT_EQ(elements<Int>(run_op("Div", {integers({lowest}), integers({-1})})), std::vector<Int>{lowest});
  EXPECT_EQ(elements<Int>(run_op("Neg", {integers({lowest, 3})})), (std::vector<Int>{lowest, -3}));
}

TEST(Elementwise, RefusesIntegerDivisionByZero) {
  expect_rejected({"node tested (Div)", "zero"}, [] { run_op("Div", {integers({1}), integers({0})}); });
  EXPECT_TRUE(std::isinf(run_op("Div", {floats({1}, {1}), floats({1}, {0})}).as<float>()[0]));
}

TEST(Elementwise, RaisesToPowers) {
  EXPECT_EQ(elements<float>(run_op("Pow", {floats({3}, {-3, 2, 9}), floats({3}, {2, -1, 0.5F})})),
            (std::vector<float>{9, 0.5F, 3}));
  EXPECT_EQ(elements<float>(run_op("Pow", {floats({2}, {-3, 2}), integers({3})})), (std::vector<float>{-27, 8}));
  EXPECT_EQ(elements<Int>(run_op("Pow", {integers({-3, 2, 7, -1, -1, 5}), integers({3, 62, 0, -3, -2, -1})})),
            (std::vector<Int>{-27, Int{1} << 62, 1, -1, 1, 0}));
}

TEST(Elementwise, FoldsAnyNumberOfOperands) {
  const auto a = floats({2}, {1, 5}), b = floats({}, {3}), c = floats({2, 1}, {0, 4});
  EXPECT_EQ(elements<float>(run_op("Min", {a, b, c})), (std::vector<float>{0, 0, 1, 3}));
  EXPECT_EQ(elements<float>(run_op("Max", {a, b, c})), (std::vector<float>{3, 5, 4, 5}));
  EXPECT_EQ(elements<float>(run_op("Sum", {a, b, c})), (std::vector<float>{4, 8, 8, 12}));
  EXPECT_EQ(elements<float>(run_op("Max", {a})), (std::vector<float>{1, 5}));
  EXPECT_EQ(elements<Int>(run_op("Min", {integers({4, -4}), integers({0})})), (std::vector<Int>{0, -4}));
}

TEST(Elementwise, KeepsNaN) {
  for (const char* op : {"Min", "Max"})
    for (const float value : elements<float>(run_op(op, {floats({2}, {nan, 1}), floats({2}, {1, nan})})))
      EXPECT_TRUE(std::isnan(value)) << op;
}

TEST(Elementwise, ComputesFunctions) {
  EXPECT_EQ(elements<float>(run_op("Sqrt", {floats({2}, {4, 0.25F})})), (std::vector<float>{2, 0.5F}));
  EXPECT_EQ(elements<float>(run_op("Exp", {floats({1}, {0})})), (std::vector<float>{1}));
  EXPECT_EQ(elements<float>(run_op("Log", {floats({1}, {1})})), (std::vector<float>{0}));
  EXPECT_EQ(elements<float>(run_op("Reciprocal", {floats({2}, {4, -2})})), (std::vector<float>{0.25F, -0.5F}));
  EXPECT_EQ(elements<float>(run_op("Floor", {floats({3}, {-1.5F, 1.5F, 2})})), (std::vector<float>{-2, 1, 2}));
  EXPECT_EQ(elements<float>(run_op("Neg", {floats({2}, {-1, 2})})), (std::vector<float>{1, -2}));
  EXPECT_EQ(elements<float>(run_op("Abs", {floats({2}, {-1, 2})})), (std::vector<float>{1, 2}));
  EXPECT_EQ(elements<Int>(run_op("Abs", {integers({-1, 2})})), (std::vector<Int>{1, 2}));
  // Values from a table of the error function and of e, to within two roundings of the library's own result.
  EXPECT_NEAR(run_op("Erf", {floats({1}, {1})}).as<float>()[0], 0.8427007929497149, 2 * rounding);
  EXPECT_NEAR(run_op("Exp", {floats({1}, {1})}).as<float>()[0], 2.718281828459045, 2 * 4 * rounding);
}

TEST(Elementwise, InfersSymbolicShapes) {
  const auto batch = symbol("batch"), seq = symbol("seq");
  EXPECT_EQ(OneNode("Add").input({batch, Dim(1), Dim(5)}).input({seq, Dim(1)}).shape(), "[batch, seq, 5]");
  EXPECT_EQ(OneNode("Mul").input({batch, Dim(4)}).input({batch, Dim(4)}).shape(), "[batch, 4]");
  EXPECT_EQ(OneNode("Max").input({batch}).input({Dim(1), Dim(1)}).input({Dim(3), Dim(1)}).shape(), "[3, batch]");
  EXPECT_EQ(OneNode("Sqrt").input({batch, seq}).shape(), "[batch, seq]");
  const Value power = OneNode("Pow").input({batch}).input(DataType::i64, scalar_shape()).infer();
  EXPECT_EQ(power.type, DataType::f32);
}

/// The extents after op(Shape(x), operand) for x of [batch, seq].
std::vector<Dim> shape_arithmetic(const char* op, std::initializer_list<Int> operand) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, {symbol("batch"), symbol("seq")});
  const ValueId shape = graph.append("Shape", "shape", {x});
  const ValueId constant = graph.add_constant("constant", integers(operand));
  const ValueId y = graph.append(op, "tested", {shape, constant});
  graph.outputs.push_back(y);
  infer_shapes(graph);
  return graph.value(y).extents.value_or(std::vector<Dim>{});
}

TEST(Elementwise, KeepsShapeArithmeticSymbolic) {
  const auto batch = symbol("batch"), seq = symbol("seq");
  EXPECT_EQ(shape_arithmetic("Mul", {12}), (std::vector<Dim>{batch * 12, seq * 12}));
  EXPECT_EQ(shape_arithmetic("Add", {0, 2}), (std::vector<Dim>{batch, seq + 2}));
  EXPECT_EQ(shape_arithmetic("Sub", {1, 0}), (std::vector<Dim>{batch - 1, seq}));
  EXPECT_EQ(shape_arithmetic("Div", {1, 2}), (std::vector<Dim>{batch, seq / 2}));
  const auto by_zero = shape_arithmetic("Div", {0, 1});
  ASSERT_EQ(by_zero.size(), 2U);
  EXPECT_FALSE(by_zero[0].known() || by_zero[0].symbolic());
}

TEST(Elementwise, DividesKnownExtentsAsItDividesElements) {
  const Value y = OneNode("Div").constant(integers({-7, lowest})).constant(integers({2, -1})).infer();
  EXPECT_EQ(y.extents, (std::vector<Dim>{Dim(-3), Dim(lowest)}));
}

TEST(Elementwise, NamesWhatDoesNotFit) {
  expect_rejected({"node tested (Add)", "input 0 (in)", "f32", "i64", "Cast"},
                  [] { OneNode("Add").input({Dim(2)}).input(DataType::i64, {Dim(2)}).infer(); });
  expect_rejected({"node tested (Mul)", "bool", "supported: f32, i64, s32"},
                  [] { OneNode("Mul").input(DataType::boolean, {Dim(2)}).input(DataType::boolean, {Dim(2)}).infer(); });
  expect_rejected({"node tested (Sub)", "2 and 3"}, [] { OneNode("Sub").input({Dim(2)}).input({Dim(3)}).infer(); });
  expect_rejected({"node tested (Sqrt)", "i64"}, [] { OneNode("Sqrt").input(DataType::i64, {Dim(2)}).infer(); });
  expect_rejected({"node tested (Pow)", "input 1"},
                  [] { OneNode("Pow").input({Dim(2)}).input(DataType::u8, {Dim(2)}).infer(); });
  expect_rejected({"node tested (Add)", "attribute broadcast"}, [] {
    OneNode("Add", {{"broadcast", Int{1}}}).input({Dim(2)}).input({Dim(2)}).infer();
  });
}

}  // namespace
}  // namespace tessera::test
