// u8 -> s16: for products without an instruction that multiplies bytes. Widening a row once serves every panel.
#pragma once

#include "kernels/simd/f32x16.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera {
namespace {

void widen(const WidenCall& call) {
  std::int64_t i = 0;
  for (; i + 16 <= call.n; i += 16) store_16x16(call.y + i * 2, _mm256_cvtepu8_epi16(load_16x8(call.x + i)));
  if (i < call.n) {
    const auto rest = static_cast<int>(call.n - i);
    store_16x16_partial(call.y + i * 2, _mm256_cvtepu8_epi16(load_16x8_partial(call.x + i, rest)), rest + rest % 2);
  }
}

}  // namespace
}  // namespace tessera
