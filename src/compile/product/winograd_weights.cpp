#include "compile/product/winograd_weights.hpp"

#include <algorithm>

#include "core/deferred_tensor.hpp"
#include "core/memory.hpp"

namespace tessera {
std::size_t winograd_weight_bytes(const BrgemmKernel& kernel, const WinogradTransforms& transforms,
                                  const Shape& weights) {
  const std::int64_t segment[] = {weights[1]};
  return static_cast<std::size_t>(transforms.matrices()) * packed_b_bytes(kernel, segment, weights[0]);
}

void pack_winograd_weights(const BrgemmKernel& kernel, const WinogradTransforms& transforms, const Shape& shape,
                           const std::byte* weights, std::byte* packed) {
  const int matrices = transforms.matrices();
  const std::int64_t columns = shape[0], channels = shape[1], segment[] = {channels};
  const auto column_bytes =
      channels * 9 * static_cast<std::int64_t>(size_of(kernel.a == DataType::s16 ? DataType::s8 : DataType::f32));
  const auto operand_bytes = static_cast<std::int64_t>(size_of(transforms.operand));
  const std::size_t panel_bytes = packed_panel_bytes(kernel, segment);
  const std::size_t matrix_bytes = packed_b_bytes(kernel, segment, columns);
  // Panel by panel: what is transformed stays in a cache. A line more than a matrix: not a power of two, lest they
  // share L1 sets.
  const std::int64_t stride = channels * kernel.nr * operand_bytes + 64;
  AlignedBuffer transformed(static_cast<std::size_t>(matrices * stride));
  for (std::int64_t first = 0; first < columns; first += kernel.nr, packed += panel_bytes) {
    const std::int64_t width = std::min<std::int64_t>(kernel.nr, columns - first);
    transforms.weights({weights + first * column_bytes, width, channels, transformed.data(), stride});
    for (int i = 0; i < matrices; ++i)
      pack_b(kernel, {transformed.data() + i * stride, transforms.operand, channels, width, width, 1}, segment,
             packed + static_cast<std::size_t>(i) * matrix_bytes);
  }
}

std::size_t winograd_tap_bytes(const BrgemmKernel& kernel, const Shape& weights) {
  const std::int64_t segment[] = {weights[1]};
  return 9 * packed_b_bytes(kernel, segment, weights[0]) / size_of(kernel.b);
}

void pack_winograd_taps(const BrgemmKernel& kernel, const Shape& shape, const std::byte* weights, std::byte* packed) {
  const std::int64_t columns = shape[0], channels = shape[1], lanes = std::int64_t{kernel.nr} * kernel.k_group;
  const std::int64_t groups = (channels + kernel.k_group - 1) / kernel.k_group;
  for (std::int64_t column = 0; column < columns; ++column) {
    std::byte* const panel = packed + column / kernel.nr * groups * 9 * lanes;
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      std::byte* to =
          panel + channel / kernel.k_group * 9 * lanes + column % kernel.nr * kernel.k_group + channel % kernel.k_group;
      for (int tap = 0; tap < 9; ++tap, to += lanes) *to = *weights++;
    }
  }
}

std::int64_t most_sum(const Tensor& weights) {
  const BorrowedElements borrowed = borrow(weights);
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
