// Pairs of bytes, one for each of 16 lanes, as 16-bit words: what vpmaddwd multiplies and adds up exactly.
#pragma once

#include "kernels/simd/f32x16.hpp"

namespace tessera {
namespace {

/// Words of 16 lanes, two a lane.
struct BytePairs {
#if defined(__AVX512F__)
  __m512i v;
#else
  __m256i lo, hi;
#endif
};

/// The bytes of lanes 0-7 and of lanes 8-15, two a lane.
TESSERA_INLINE BytePairs byte_pairs(__m128i lower, __m128i upper) {
#if defined(__AVX512F__)
  return {_mm512_cvtepu8_epi16(_mm256_inserti128_si256(_mm256_castsi128_si256(lower), upper, 1))};
#else
  return {_mm256_cvtepu8_epi16(lower), _mm256_cvtepu8_epi16(upper)};
#endif
}

/// Lane i: (a[i], b[i])
TESSERA_INLINE BytePairs interleaved(__m128i a, __m128i b) {
  return byte_pairs(_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b));
}

/// sum + the product of the first words + that of the second
TESSERA_INLINE S32x16 multiply_add(BytePairs x, const void* weights, S32x16 sum) {
#if defined(__AVX512F__)
  return {_mm512_add_epi32(sum.v, _mm512_madd_epi16(x.v, _mm512_loadu_si512(weights)))};
#else
  const auto* w = static_cast<const __m256i*>(weights);
  return {_mm256_add_epi32(sum.lo, _mm256_madd_epi16(x.lo, _mm256_loadu_si256(w))),
          _mm256_add_epi32(sum.hi, _mm256_madd_epi16(x.hi, _mm256_loadu_si256(w + 1)))};
#endif
}

}  // namespace
}  // namespace tessera
