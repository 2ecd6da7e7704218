// Quantization of rows to u8 around 128, each with a scale of its own: real = scale * (q - 128).
#pragma once

#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

/// The largest magnitude of a row; NaN as soon as one element is NaN or infinite.
template <class Read>
TESSERA_INLINE float row_magnitude(const Read& read, const std::byte* row, std::int64_t n) {
  F32x16 largest = zero(), poison = zero();
  for_each_vector(n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
    const F32x16 x = or_else(read(row, i, lanes), zero(), lanes);
    largest = max(largest, max(x, sub(zero(), x)));
    poison = fma(x, zero(), poison);  // 0 for all finite numbers
  });
  return horizontal_max(largest) + horizontal_sum(poison);
}

void quantize_rows(const QuantizeRowsCall& call) {
  with_reader(call.x, [&](const auto& read) TESSERA_LAMBDA {
    for (std::int64_t r = 0; r < call.rows; ++r) {
      const std::byte* const x = call.x.data + r * call.x.stride;
      std::byte* const y = call.y + r * call.y_stride;
      const float scale = row_magnitude(read, x, call.n) * (1.0F / 127.0F);
      call.scales[r] = scale;
      const Quantizer to_u8 = quantizer({scale > 0.0F ? scale : __builtin_inff(), 128});
      for_each_vector(call.n, [&](std::int64_t i, auto lanes)
                                  TESSERA_LAMBDA { store_16x8(y + i, f32_to_u8(read(x, i, lanes), to_u8), lanes); });
    }
  });
}

}  // namespace
}  // namespace tessera
