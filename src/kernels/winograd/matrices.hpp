// The matrices of the Winograd convolutions: Y = A^T [(G g G^T) . (B^T d B)] A.
#pragma once

#include <cstdint>

namespace tessera::winograd {

/// Stride 1: side + 2 elements in each direction, each with weights of its own.
template <int size>
struct Stride1 {
  static constexpr int side = size, stride = 1;
  static constexpr int tile = size + 2;   ///< elements of a tile in one direction, and pixels
  static constexpr int kinds = size + 2;  ///< of weights
  static constexpr int kind_of(int element) { return element; }
  /// Where element (i, j) stands in memory.
  static constexpr int position(int i, int j) { return i * tile + j; }
};

/// F(4x4, 3x3) with the points 0, +-a, +-b, infinity; a = 2/3, b = 3/2 (f32_4x4.hpp says why).
struct F32_4x4 : Stride1<4> {
  static constexpr double a = 2.0 / 3.0, b = 1.5, a2 = a * a, b2 = b * b;
  static constexpr double input[6][6] = {{1, 0, -(a2 + b2), 0, 1, 0}, {0, -b, -b2, a, 1, 0},
                                         {0, b, -b2, -a, 1, 0},       {0, -a, -a2, b, 1, 0},
                                         {0, a, -a2, -b, 1, 0},       {0, 1, 0, -(a2 + b2), 0, 1}};
  static constexpr double near = 1 / (2 * a2 * (a2 - b2)), far = 1 / (2 * b2 * (b2 - a2));
  static constexpr double weights[6][3] = {
      {1, 0, 0}, {near, near* a, near* a2}, {near, -near* a, near* a2}, {far, far* b, far* b2}, {far, -far* b, far* b2},
      {0, 0, 1}};
  static constexpr double output[4][6] = {
      {1, 1, 1, 1, 1, 0}, {0, a, -a, b, -b, 0}, {0, a2, a2, b2, b2, 0}, {0, a2* a, -a2* a, b2* b, -b2* b, 1}};
  static constexpr double divisor = 1;  ///< of Y
};

/// F(2x2, 3x3) with the points 0, +-1, infinity.
struct F32_2x2 : Stride1<2> {
  static constexpr double input[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
  static constexpr double weights[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  static constexpr double output[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};
  static constexpr double divisor = 1;
};

/// The same in integers; G doubled, so that everything is whole and Y comes out four times.
struct Int8_2x2 : F32_2x2 {
  static constexpr double weights[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  static constexpr double divisor = 4;
};

/// F(4x4, 3x3) in integers, with the points 0, +-1, +-2, infinity. The rows of A^T are 24, 12, 6 and 6 times the true
/// ones (int8_4x4.hpp says why): an output is so much larger in each direction.
struct Int8_4x4 : Stride1<4> {
  static constexpr double input[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                                         {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
  static constexpr double weights[6][3] = {{6, 0, 0}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {1, -2, 4}, {0, 0, 6}};
  static constexpr double output[4][6] = {
      {1, -4, -4, 1, 1, 0}, {0, -2, 2, 1, -1, 0}, {0, -1, -1, 1, 1, 0}, {0, -1, 1, 2, -2, 1}};
  static constexpr std::int64_t row_factor[4] = {24, 12, 6, 6};
  /// Sums have to stay below this in magnitude: 576 times such a one is known modulo 2^32.
  static constexpr std::int64_t sum_limit = std::int64_t{1} << 25;
};

/// F(2x2, 3x3) of stride 2 (stride_2.hpp says how): whole numbers, for floats and integers.
struct Stride2_2x2 {
  static constexpr int side = 2, stride = 2, tile = 5, kinds = 4;
  static constexpr double input[5][5] = {
      {1, 0, -1, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, -1, 0, 1}, {0, 1, 0, 0, 0}, {0, 0, 0, 1, 0}};
  static constexpr double weights[4][3] = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}};
  static constexpr double output[2][5] = {{1, 1, 0, 1, 0}, {0, 1, 1, 0, 1}};
  static constexpr double divisor = 1;
  static constexpr int kind_of(int element) { return element < 3 ? element : 3; }
  /// Sorted by the kinds of weights.
  static constexpr int position(int i, int j) {
    const int same_row = kind_of(i) == 3 ? 2 : 1, same = same_row * (kind_of(j) == 3 ? 2 : 1);
    const int before = 5 * (same_row == 2 ? 3 : i) + same_row * (kind_of(j) == 3 ? 3 : j);
    return before + (same == 4 ? 2 * (i - 3) + j - 3 : same_row == 2 ? i - 3 : j - kind_of(j));
  }
};

}  // namespace tessera::winograd
