// G g G^T of many channel pairs: weights of a 3x3 convolution, in double. Load time of a
// model in FP32 depends on it.
#pragma once

#include <cstring>
#include <utility>

#include "kernels/simd/intrinsics.hpp"
#include "kernels/vector_kernels.hpp"
#include "kernels/winograd/matrices.hpp"

namespace tessera {
namespace {

/// Columns that are transformed together.
constexpr int weight_lanes = 4;
using WeightLanes = double __attribute__((vector_size(weight_lanes * sizeof(double))));

/// Row `i` of G times a column of three. The factors are constants: those of zero cost nothing.
template <class Matrices, int i>
TESSERA_INLINE WeightLanes times_row(WeightLanes g0, WeightLanes g1, WeightLanes g2) {
  constexpr double w0 = Matrices::weights[i][0], w1 = Matrices::weights[i][1], w2 = Matrices::weights[i][2];
  WeightLanes sum = {};
  if constexpr (w0 != 0) sum = w0 * g0;
  if constexpr (w1 != 0) sum += w1 * g1;
  if constexpr (w2 != 0) sum += w2 * g2;
  return sum;
}

/// One tap of columns that are `stride` bytes apart, at any alignment.
template <class Weight>
TESSERA_INLINE WeightLanes load_taps(const std::byte* from, std::int64_t stride) {
  Weight taps[weight_lanes];
  for (int l = 0; l < weight_lanes; ++l) std::memcpy(&taps[l], from + l * stride, sizeof(Weight));
  static_assert(weight_lanes == 4);
  return WeightLanes{static_cast<double>(taps[0]), static_cast<double>(taps[1]), static_cast<double>(taps[2]),
                     static_cast<double>(taps[3])};
}

template <class Operand>
TESSERA_INLINE void store_weights(Operand* to, WeightLanes x) {
  for (int l = 0; l < weight_lanes; ++l) to[l] = static_cast<Operand>(x[l]);
}

template <class Matrices, class Weight, class Operand>
void winograd_weights(const WinogradWeightsCall& call) {
  constexpr int n = Matrices::kinds;
  constexpr std::int64_t pair_bytes = 9 * sizeof(Weight);
  const std::int64_t column_bytes = call.channels * pair_bytes;
  for (std::int64_t column = 0; column < call.columns; column += weight_lanes) {
    for (std::int64_t channel = 0; channel < call.channels; ++channel) {
      const std::byte* const pair = call.weights + column * column_bytes + channel * pair_bytes;
      WeightLanes taps[9], half[n][3];
      for (int tap = 0; tap < 9; ++tap)
        taps[tap] = load_taps<Weight>(pair + tap * std::int64_t{sizeof(Weight)}, column_bytes);
      std::byte* const to = call.transformed + (channel * call.columns + column) * std::int64_t{sizeof(Operand)};
      const auto of_row = [&]<int i, int... j>(std::integer_sequence<int, i>, std::integer_sequence<int, j...>)
          TESSERA_LAMBDA {
        for (int t = 0; t < 3; ++t) half[i][t] = times_row<Matrices, i>(taps[t], taps[3 + t], taps[6 + t]);
        (store_weights(reinterpret_cast<Operand*>(to + (i * n + j) * call.stride),
                       times_row<Matrices, j>(half[i][0], half[i][1], half[i][2])),
         ...);
      };
      const auto all_rows = [&]<int... i>(std::integer_sequence<int, i...> rows) TESSERA_LAMBDA {
        (of_row(std::integer_sequence<int, i>{}, rows), ...);
      };
      all_rows(std::make_integer_sequence<int, n>{});
    }
  }
}

}  // namespace
}  // namespace tessera
