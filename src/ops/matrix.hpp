// The plain matrix product behind MatMul, Gemm and the fused ops.
#pragma once

#include <cstdint>

namespace tessera {

/// A matrix by the distances, in elements, between neighbours in a column and in a row: a transpose swaps the two.
struct Matrix {
  const float* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;

  [[nodiscard]] float at(std::int64_t row, std::int64_t column) const noexcept {
    return data[row * row_stride + column * column_stride];
  }
};

/// Row-major rows x columns, or its transpose.
constexpr Matrix dense_matrix(const float* data, std::int64_t rows, std::int64_t columns, bool transposed) noexcept {
  return transposed ? Matrix{data, 1, rows} : Matrix{data, columns, 1};
}

/// y[m x n], dense, = a[m x k] * b[k x n].
void multiply(const Matrix& a, const Matrix& b, float* y, std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace tessera
