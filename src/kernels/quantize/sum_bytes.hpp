// The sum of a row of u8: what weights with a zero point have to take off their products.
#pragma once

#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

std::int32_t sum_bytes(const std::byte* x, std::int64_t n) {
  const __m128i nothing = _mm_setzero_si128();
  __m128i sums = nothing;  // of eight bytes each
  for_each_vector(n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
    sums = _mm_add_epi64(sums, _mm_sad_epu8(load_16x8(x + i, lanes), nothing));
  });
  return _mm_cvtsi128_si32(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums)));
}

}  // namespace
}  // namespace tessera
