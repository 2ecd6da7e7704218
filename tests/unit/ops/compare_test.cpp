#include <cmath>

#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::floats;
using test::integers;
using test::run_op;
using test::tensor;
using Bools = std::vector<bool>;

TEST(Compare, EveryComparison) {
  const Tensor a = floats(Shape{3}, {1, 2, 3});
  const Tensor b = floats(Shape{3}, {2, 2, 2});
  EXPECT_EQ(elements<bool>(run_op("Equal", {a, b})), (Bools{false, true, false}));
  EXPECT_EQ(elements<bool>(run_op("Less", {a, b})), (Bools{true, false, false}));
  EXPECT_EQ(elements<bool>(run_op("LessOrEqual", {a, b})), (Bools{true, true, false}));
  EXPECT_EQ(elements<bool>(run_op("Greater", {a, b})), (Bools{false, false, true}));
  EXPECT_EQ(elements<bool>(run_op("GreaterOrEqual", {a, b})), (Bools{false, true, true}));
}

TEST(Compare, Broadcasts) {
  const Tensor causal = run_op(
      "LessOrEqual", {tensor<std::int64_t>(Shape{1, 3}, {0, 1, 2}), tensor<std::int64_t>(Shape{3, 1}, {0, 1, 2})});
  EXPECT_EQ(causal.shape(), (Shape{3, 3}));
  EXPECT_EQ(elements<bool>(causal), (Bools{true, false, false, true, true, false, true, true, true}));
}

TEST(Compare, NanEqualsNothing) {
  const Tensor nan = Tensor::scalar(std::nanf(""));
  EXPECT_EQ(elements<bool>(run_op("Equal", {nan, nan})), Bools{false});
  EXPECT_EQ(elements<bool>(run_op("GreaterOrEqual", {nan, nan})), Bools{false});
}

TEST(Compare, RefusesMixedTypesAndShapesThatDoNotBroadcast) {
  expect_error(ErrorKind::invalid, {"node tested (Equal)", "f32 and i64"}, [] {
    run_op("Equal", {floats(Shape{1}, {1}), integers({1})});
  });
  expect_error(ErrorKind::invalid, {"tested", "2 and 3", "broadcast"}, [] {
    run_op("Less", {integers({1, 2}), integers({1, 2, 3})});
  });
}

TEST(Logic, TruthTables) {
  const Tensor a = tensor<bool>(Shape{4}, {false, false, true, true});
  const Tensor b = tensor<bool>(Shape{4}, {false, true, false, true});
  EXPECT_EQ(elements<bool>(run_op("And", {a, b})), (Bools{false, false, false, true}));
  EXPECT_EQ(elements<bool>(run_op("Or", {a, b})), (Bools{false, true, true, true}));
  EXPECT_EQ(elements<bool>(run_op("Not", {a})), (Bools{true, true, false, false}));
  expect_error(ErrorKind::invalid, {"node tested (Not)", "f32", "bool"},
               [] { run_op("Not", {floats(Shape{1}, {1})}); });
}

}  // namespace
}  // namespace tessera
