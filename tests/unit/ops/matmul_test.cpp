#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Int = std::int64_t;

std::size_t at(Int row, Int column, Int columns) {
  return static_cast<std::size_t>(row * columns + column);
}

/// The definition for one matrix, exact on small integers.
Tensor naive(const Tensor& a, const Tensor& b) {
  const Int m = a.shape()[0], k = a.shape()[1], n = b.shape()[1];
  Tensor y(DataType::f32, {m, n});
  for (Int row = 0; row < m; ++row)
    for (Int column = 0; column < n; ++column)
      for (Int i = 0; i < k; ++i)
        y.mutable_as<float>()[at(row, column, n)] += a.as<float>()[at(row, i, k)] * b.as<float>()[at(i, column, n)];
  return y;
}

Tensor transposed(const Tensor& a) {
  return run_op("Transpose", {a});
}

TEST(MatMul, MultipliesMatrices) {
  EXPECT_EQ(elements<float>(run_op("MatMul", {floats({2, 2}, {1, 2, 3, 4}), floats({2, 2}, {5, 6, 7, 8})})),
            (std::vector<float>{19, 22, 43, 50}));
  for (const Int m : {1, 5})
    for (const Int k : {1, 16, 37})
      for (const Int n : {1, 7, 33}) {
        const Tensor a = small_integers({m, k}, 1), b = small_integers({k, n}, 2);
        expect_equal(run_op("MatMul", {a, b}), naive(a, b));
      }
}

TEST(MatMul, BroadcastsBatches) {
  const Tensor a = small_integers({2, 1, 3, 4}, 1), b = small_integers({5, 4, 2}, 2);
  const Tensor y = run_op("MatMul", {a, b});
  ASSERT_EQ(to_string(y.shape()), "[2, 5, 3, 2]");
  const auto matrix = [](const Tensor& t, Int index, Int rows, Int columns) {
    return Tensor::from<float>({rows, columns}, t.as<float>().subspan(at(index, 0, rows * columns)));
  };
  for (Int i = 0; i < 2; ++i)
    for (Int j = 0; j < 5; ++j) expect_equal(matrix(y, i * 5 + j, 3, 2), naive(matrix(a, i, 3, 4), matrix(b, j, 4, 2)));
}

TEST(MatMul, TreatsVectorsAsNumPyDoes) {
  const Tensor v = floats({2}, {1, 10}), m = floats({2, 2}, {1, 2, 3, 4}), batch = floats({2, 1, 2}, {1, 2, 3, 4});
  const Tensor dot = run_op("MatMul", {v, v});
  EXPECT_EQ(dot.shape().rank(), 0U);
  EXPECT_EQ(dot.as<float>()[0], 101.0F);
  EXPECT_EQ(elements<float>(run_op("MatMul", {v, m})), (std::vector<float>{31, 42}));
  EXPECT_EQ(elements<float>(run_op("MatMul", {m, v})), (std::vector<float>{21, 43}));
  const Tensor column = run_op("MatMul", {batch, v});
  EXPECT_EQ(to_string(column.shape()), "[2, 1]");
  EXPECT_EQ(elements<float>(column), (std::vector<float>{21, 43}));
}

TEST(MatMul, OfNothingIsZero) {
  EXPECT_EQ(elements<float>(run_op("MatMul", {Tensor(DataType::f32, {2, 0}), Tensor(DataType::f32, {0, 1})})),
            (std::vector<float>{0, 0}));
}

TEST(Gemm, TransposesScalesAndAdds) {
  const Tensor a = small_integers({3, 20}, 1), b = small_integers({20, 5}, 2), c = small_integers({5}, 3);
  const Tensor product = naive(a, b);
  for (const Int trans_a : {0, 1})
    for (const Int trans_b : {0, 1}) {
      const Tensor left = trans_a != 0 ? transposed(a) : a, right = trans_b != 0 ? transposed(b) : b;
      const Attributes attributes{{"transA", trans_a}, {"transB", trans_b}, {"alpha", 0.5F}, {"beta", 2.0F}};
      const Tensor half = run_op("Mul", {product, floats({}, {0.5F})});
      expect_equal(run_op("Gemm", {left, right}, attributes), half);
      expect_equal(run_op("Gemm", {left, right, c}, attributes),
                   run_op("Add", {half, run_op("Mul", {c, floats({}, {2})})}));
    }
}

TEST(Gemm, BroadcastsC) {
  const Tensor a = floats({2, 1}, {1, 2}), b = floats({1, 2}, {1, 1});
  EXPECT_EQ(elements<float>(run_op("Gemm", {a, b, floats({}, {10})})), (std::vector<float>{11, 11, 12, 12}));
  EXPECT_EQ(elements<float>(run_op("Gemm", {a, b, floats({2, 1}, {10, 20})})), (std::vector<float>{11, 11, 22, 22}));
  EXPECT_EQ(elements<float>(run_op("Gemm", {a, b, floats({2, 2}, {1, 2, 3, 4})})), (std::vector<float>{2, 3, 5, 6}));
}

TEST(MatMul, InfersSymbolicShapes) {
  const auto batch = symbol("batch"), seq = symbol("seq");
  EXPECT_EQ(OneNode("MatMul").input({batch, seq, Dim(8)}).input({Dim(8), Dim(3)}).shape(), "[batch, seq, 3]");
  EXPECT_EQ(OneNode("MatMul").input({batch, Dim(12), seq, Dim(64)}).input({batch, Dim(12), Dim(64), seq}).shape(),
            "[batch, 12, seq, seq]");
  EXPECT_EQ(OneNode("MatMul").input({Dim(8)}).input({batch, Dim(8), seq}).shape(), "[batch, seq]");
  EXPECT_EQ(OneNode("MatMul").input({batch, seq, Dim(8)}).input({Dim(8)}).shape(), "[batch, seq]");
  EXPECT_EQ(OneNode("Gemm", {{"transA", yes}}).input({Dim(8), batch}).input({Dim(8), Dim(3)}).shape(), "[batch, 3]");
}

TEST(MatMul, NamesWhatDoesNotFit) {
  const SymbolicShape x{Dim(2), Dim(8)};
  expect_rejected({"node tested (MatMul)", "input 1", "is 7 where 8"}, [&] {
    OneNode("MatMul").input(x).input({Dim(7), Dim(3)}).infer();
  });
  expect_rejected({"node tested (MatMul)", "2 and 3"}, [] {
    OneNode("MatMul").input({Dim(2), Dim(4), Dim(8)}).input({Dim(3), Dim(8), Dim(4)}).infer();
  });
  expect_rejected({"node tested (MatMul)", "scalar"},
                  [&] { OneNode("MatMul").input(x).input(scalar_shape()).infer(); });
  expect_rejected({"node tested (MatMul)", "input 1", "i64"}, [&] {
    OneNode("MatMul").input(x).input(DataType::i64, {Dim(8), Dim(3)}).infer();
  });
  expect_rejected({"node tested (Gemm)", "rank 2"}, [&] {
    OneNode("Gemm").input({Dim(1), Dim(2), Dim(8)}).input({Dim(8), Dim(3)}).infer();
  });
  expect_rejected({"node tested (Gemm)", "is 8 where 2"}, [&] {
    OneNode("Gemm", {{"transA", yes}}).input(x).input({Dim(8), Dim(3)}).infer();
  });
  expect_rejected({"node tested (Gemm)", "[1, 2, 3]", "broadcast to [2, 3]"}, [&] {
    OneNode("Gemm").input(x).input({Dim(8), Dim(3)}).input({Dim(1), Dim(2), Dim(3)}).infer();
  });
  expect_rejected({"node tested (Gemm)", "[4, 1]", "broadcast to [1, 3]"}, [&] {
    OneNode("Gemm").input({Dim(1), Dim(8)}).input({Dim(8), Dim(3)}).input({Dim(4), Dim(1)}).infer();
  });
}

}  // namespace
}  // namespace tessera::test
