#include "plan/winograd_weights.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/winograd/matrices.hpp"

namespace tessera {
namespace {

/// Columns transformed together: independent sums, which the compiler puts into vectors.
constexpr int lanes = 8;

/// G g G^T of `lanes` channel pairs.
template <class Matrices>
void transform(const double (&taps)[9][lanes], double (&elements)[Matrices::tile * Matrices::tile][lanes]) {
  constexpr int n = Matrices::tile;
  double half[n][3][lanes] = {};
  for (int i = 0; i < n; ++i)
    for (int tap = 0; tap < 9; ++tap)
      for (int l = 0; l < lanes; ++l) half[i][tap % 3][l] += Matrices::weights[i][tap / 3] * taps[tap][l];
  for (int e = 0; e < n * n; ++e) {
    for (int l = 0; l < lanes; ++l)
      elements[e][l] = Matrices::weights[e % n][0] * half[e / n][0][l] +
                       Matrices::weights[e % n][1] * half[e / n][1][l] +
                       Matrices::weights[e % n][2] * half[e / n][2][l];
  }
}

/// The taps of `lanes` channel pairs that lie `stride` weights apart, at any alignment.
template <class Weight>
void read_taps(const std::byte* weights, std::int64_t first, std::int64_t stride, double (&taps)[9][lanes]) {
  Weight pair[9];
  for (int l = 0; l < lanes; ++l) {
    std::memcpy(pair, weights + static_cast<std::size_t>(first + l * stride) * sizeof(Weight), sizeof pair);
    for (int tap = 0; tap < 9; ++tap) taps[tap][l] = static_cast<double>(pair[tap]);
  }
}

/// The transformed weights of every channel pair, [element][channels][columns], packed element by element.
template <class Matrices, class Weight, class Operand>
void pack_transformed(const BrgemmKernel& kernel, const Shape& shape, const std::byte* weights, std::byte* packed) {
  constexpr int n = Matrices::tile;
  const std::int64_t columns = shape[0], channels = shape[1], segment[] = {channels};
  const std::size_t panel_bytes = packed_panel_bytes(kernel, segment);
  const std::size_t matrix_bytes = packed_b_bytes(kernel, segment, columns);
  // Panel by panel: what is transformed stays in a cache.
  std::vector<Operand> transformed(static_cast<std::size_t>(n * n * channels * kernel.nr));
  double taps[9][lanes], elements[n * n][lanes];
  for (std::int64_t first = 0; first < columns; first += kernel.nr, packed += panel_bytes) {
    const std::int64_t width = std::min<std::int64_t>(kernel.nr, columns - first), matrix = channels * width;
    for (std::int64_t column = 0; column < width; column += lanes) {
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        read_taps<Weight>(weights, ((first + column) * channels + channel) * 9, channels * 9, taps);
        transform<Matrices>(taps, elements);
        for (int e = 0; e < n * n; ++e)
          for (int l = 0; l < lanes; ++l)
            transformed[static_cast<std::size_t>(e * matrix + channel * width + column + l)] =
                static_cast<Operand>(elements[e][l]);
      }
    }
    for (int e = 0; e < n * n; ++e) {
      const auto* const from = reinterpret_cast<const std::byte*>(transformed.data() + e * matrix);
      pack_b(kernel, {from, data_type_of<Operand>, channels, width, width, 1}, segment,
             packed + static_cast<std::size_t>(e) * matrix_bytes);
    }
  }
}

/// G as int8 or f32 kernels want it.
template <class Int8, class F32>
void pack_for(const BrgemmKernel& kernel, const Shape& shape, const std::byte* weights, std::byte* packed) {
  if (kernel.a == DataType::s16)
    pack_transformed<Int8, std::int8_t, std::int16_t>(kernel, shape, weights, packed);
  else
    pack_transformed<F32, float, float>(kernel, shape, weights, packed);
}

}  // namespace

std::size_t winograd_weight_bytes(const BrgemmKernel& kernel, int side, const Shape& weights) {
  const auto elements = static_cast<std::size_t>((side + 2) * (side + 2));
  const std::int64_t segment[] = {weights[1]};
  return elements * packed_b_bytes(kernel, segment, weights[0]);
}

void pack_winograd_weights(const BrgemmKernel& kernel, int side, const Shape& shape, const std::byte* weights,
                           std::byte* packed) {
  if (side == 2)
    pack_for<winograd::Int8_2x2, winograd::F32_2x2>(kernel, shape, weights, packed);
  else
    pack_for<winograd::Int8_4x4, winograd::F32_4x4>(kernel, shape, weights, packed);
}

std::int64_t most_sum(const Tensor& weights) {
  const BorrowedElements borrowed = weights.borrow();
  const auto* element = reinterpret_cast<const std::int8_t*>(borrowed.data);
  const std::int64_t columns = weights.shape()[0], k = weights.shape().elements() / columns;
  std::int64_t most = 0;
  for (std::int64_t column = 0; column < columns; ++column, element += k) {
    std::int64_t sum = 0, magnitudes = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      sum += element[i];
      magnitudes += element[i] < 0 ? -element[i] : element[i];
    }
    // All positive weights together, or all negative ones.
    most = std::max(most, (magnitudes + (sum < 0 ? -sum : sum)) / 2);
  }
  return 255 * most;
}

}  // namespace tessera
