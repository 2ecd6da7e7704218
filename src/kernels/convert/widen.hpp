// u8 -> s16: for products without an instruction that multiplies bytes. Widening a row once serves every panel.
#pragma once

#include "kernels/simd/f32x16.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera {
namespace {

TESSERA_INLINE void widen_piece(const std::byte* x, std::byte* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) store_16x16(y + i * 2, _mm256_cvtepu8_epi16(load_16x8(x + i)));
  if (i < n) {
    const auto rest = static_cast<int>(n - i);
    store_16x16_partial(y + i * 2, _mm256_cvtepu8_epi16(load_16x8_partial(x + i, rest)), rest + rest % 2);
  }
}

void widen(const WidenCall& call) {
  for (std::int64_t piece = 0; piece < call.pieces; ++piece)
    widen_piece(call.x + piece * call.x_stride, call.y + piece * call.y_stride, call.n);
}

}  // namespace
}  // namespace tessera
