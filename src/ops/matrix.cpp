#include "ops/matrix.hpp"

#include <algorithm>

#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

/// k outside, n inside: a row of y gathers rows of b.
void multiply_by_rows(const Matrix& a, const Matrix& b, float* y, std::int64_t m, std::int64_t n, std::int64_t k) {
  for (std::int64_t row = 0; row < m; ++row) {
    float* target = y + row * n;
    std::fill_n(target, n, 0.0F);
    for (std::int64_t i = 0; i < k; ++i) add_scaled(a.at(row, i), b.data + i * b.row_stride, target, n);
  }
}

/// Columns of b are contiguous: an element of y is the dot product of two rows in memory.
void multiply_by_dots(const Matrix& a, const Matrix& b, float* y, std::int64_t m, std::int64_t n, std::int64_t k) {
  for (std::int64_t row = 0; row < m; ++row) {
    const float* left = a.data + row * a.row_stride;
    for (std::int64_t column = 0; column < n; ++column)
      y[row * n + column] = dot(left, b.data + column * b.column_stride, k);
  }
}

}  // namespace

void multiply(const Matrix& a, const Matrix& b, float* y, std::int64_t m, std::int64_t n, std::int64_t k) {
  if (b.column_stride == 1) return multiply_by_rows(a, b, y, m, n, k);
  if (a.column_stride == 1) return multiply_by_dots(a, b, y, m, n, k);
  for (std::int64_t row = 0; row < m; ++row)
    for (std::int64_t column = 0; column < n; ++column)
      y[row * n + column] = sum_in_lanes(k, [&](std::int64_t i) { return a.at(row, i) * b.at(i, column); });
}

}  // namespace tessera
