// F32x16, S32x16, Mask16 on 512-bit registers. The same functions as f32x16_avx2.hpp, with the same results bit for
// bit. Rules both follow:
//  - no pointer needs alignment; `_partial` functions touch the first n elements only, 0 <= n <= 16, and read the rest
//  as zero;
//  - max(a, b) is a > b ? a : b and min(a, b) is a < b ? a : b: when either is NaN the result is b;
//  - horizontal sums and maxima pair lanes 8 apart, then 4, then 2, then neighbours.
#pragma once

#include "kernels/simd/ymm.hpp"

namespace tessera {
namespace {

struct F32x16 {
  __m512 v;
};
struct S32x16 {
  __m512i v;
};
struct Mask16 {
  __mmask16 v;
};

TESSERA_INLINE Mask16 first_lanes(int n) {
  return {static_cast<__mmask16>((1U << n) - 1U)};
}

// Making and moving values
TESSERA_INLINE F32x16 zero() {
  return {_mm512_setzero_ps()};
}
TESSERA_INLINE F32x16 set1(float x) {
  return {_mm512_set1_ps(x)};
}
TESSERA_INLINE S32x16 set1_s32(std::int32_t x) {
  return {_mm512_set1_epi32(x)};
}

TESSERA_INLINE F32x16 load_f32(const void* p) {
  return {_mm512_loadu_ps(p)};
}
TESSERA_INLINE F32x16 load_f32_partial(const void* p, int n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n).v, p)};
}
TESSERA_INLINE void store_f32(void* p, F32x16 x) {
  _mm512_storeu_ps(p, x.v);
}
TESSERA_INLINE void store_f32_partial(void* p, F32x16 x, int n) {
  _mm512_mask_storeu_ps(p, first_lanes(n).v, x.v);
}

TESSERA_INLINE S32x16 load_s32(const void* p) {
  return {_mm512_loadu_si512(p)};
}
TESSERA_INLINE S32x16 load_s32_partial(const void* p, int n) {
  return {_mm512_maskz_loadu_epi32(first_lanes(n).v, p)};
}
TESSERA_INLINE void store_s32(void* p, S32x16 x) {
  _mm512_storeu_si512(p, x.v);
}

// Narrow vectors: 16 words of 16 bits and 16 bytes
TESSERA_INLINE __m256i load_16x16(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
TESSERA_INLINE __m256i load_16x16_partial(const void* p, int n) {
  return _mm256_maskz_loadu_epi16(first_lanes(n).v, p);
}
TESSERA_INLINE void store_16x16(void* p, __m256i x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), x);
}
TESSERA_INLINE void store_16x16_partial(void* p, __m256i x, int n) {
  _mm256_mask_storeu_epi16(p, first_lanes(n).v, x);
}
TESSERA_INLINE __m128i load_16x8(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
TESSERA_INLINE __m128i load_16x8_partial(const void* p, int n) {
  return _mm_maskz_loadu_epi8(first_lanes(n).v, p);
}
TESSERA_INLINE void store_16x8(void* p, __m128i x) {
  _mm_storeu_si128(static_cast<__m128i*>(p), x);
}
TESSERA_INLINE void store_16x8_partial(void* p, __m128i x, int n) {
  _mm_mask_storeu_epi8(p, first_lanes(n).v, x);
}

// Float arithmetic
TESSERA_INLINE F32x16 add(F32x16 a, F32x16 b) {
  return {_mm512_add_ps(a.v, b.v)};
}
TESSERA_INLINE F32x16 sub(F32x16 a, F32x16 b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
TESSERA_INLINE F32x16 mul(F32x16 a, F32x16 b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
TESSERA_INLINE F32x16 div(F32x16 a, F32x16 b) {
  return {_mm512_div_ps(a.v, b.v)};
}
/// a * b + c, rounded once
TESSERA_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
/// c - a * b, rounded once
TESSERA_INLINE F32x16 fnma(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm512_fnmadd_ps(a.v, b.v, c.v)};
}
TESSERA_INLINE F32x16 max(F32x16 a, F32x16 b) {
  return {_mm512_max_ps(a.v, b.v)};
}
TESSERA_INLINE F32x16 min(F32x16 a, F32x16 b) {
  return {_mm512_min_ps(a.v, b.v)};
}
TESSERA_INLINE F32x16 sqrt(F32x16 x) {
  return {_mm512_sqrt_ps(x.v)};
}
/// To the nearest integer, ties to even
TESSERA_INLINE F32x16 round(F32x16 x) {
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
TESSERA_INLINE F32x16 magnitude(F32x16 x) {
  return {_mm512_abs_ps(x.v)};
}
TESSERA_INLINE F32x16 bit_and(F32x16 a, F32x16 b) {
  return {_mm512_and_ps(a.v, b.v)};
}
TESSERA_INLINE F32x16 bit_or(F32x16 a, F32x16 b) {
  return {_mm512_or_ps(a.v, b.v)};
}

// Comparison: false where either is NaN
TESSERA_INLINE Mask16 less(F32x16 a, F32x16 b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)};
}
TESSERA_INLINE F32x16 select(Mask16 mask, F32x16 yes, F32x16 no) {
  return {_mm512_mask_blend_ps(mask.v, no.v, yes.v)};
}

// Integers
TESSERA_INLINE S32x16 add(S32x16 a, S32x16 b) {
  return {_mm512_add_epi32(a.v, b.v)};
}
TESSERA_INLINE S32x16 sub(S32x16 a, S32x16 b) {
  return {_mm512_sub_epi32(a.v, b.v)};
}
TESSERA_INLINE S32x16 mul(S32x16 a, S32x16 b) {
  return {_mm512_mullo_epi32(a.v, b.v)};
}
TESSERA_INLINE S32x16 max(S32x16 a, S32x16 b) {
  return {_mm512_max_epi32(a.v, b.v)};
}
TESSERA_INLINE S32x16 min(S32x16 a, S32x16 b) {
  return {_mm512_min_epi32(a.v, b.v)};
}
template <int bits>
TESSERA_INLINE S32x16 shift_left(S32x16 x) {
  return {_mm512_slli_epi32(x.v, bits)};
}
/// Arithmetic: the sign stays.
template <int bits>
TESSERA_INLINE S32x16 shift_right(S32x16 x) {
  return {_mm512_srai_epi32(x.v, bits)};
}
TESSERA_INLINE F32x16 to_f32(S32x16 x) {
  return {_mm512_cvtepi32_ps(x.v)};
}
/// To nearest, ties to even; NaN and values beyond the range give INT32_MIN.
TESSERA_INLINE S32x16 to_s32(F32x16 x) {
  return {_mm512_cvtps_epi32(x.v)};
}
TESSERA_INLINE S32x16 bits_of(F32x16 x) {
  return {_mm512_castps_si512(x.v)};
}
TESSERA_INLINE F32x16 from_bits(S32x16 x) {
  return {_mm512_castsi512_ps(x.v)};
}

// Widening and narrowing between 16 lanes of 32 bits and narrow vectors
TESSERA_INLINE F32x16 bf16_to_f32(__m256i x) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16))};
}
/// Nearest even; NaN stays a (quiet) NaN. Denormals are kept, unlike with the conversion instruction of AVX512_BF16.
TESSERA_INLINE __m256i f32_to_bf16(F32x16 x) {
  const __m512i word = _mm512_castps_si512(x.v);
  const __m512i upper = _mm512_srli_epi32(word, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i rounded =
      _mm512_srli_epi32(_mm512_add_epi32(word, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, upper, _mm512_set1_epi32(0x40)));
}
TESSERA_INLINE S32x16 u8_to_s32(__m128i x) {
  return {_mm512_cvtepu8_epi32(x)};
}
TESSERA_INLINE S32x16 load_u8_as_s32(const void* p) {
  return u8_to_s32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
TESSERA_INLINE S32x16 s8_to_s32(__m128i x) {
  return {_mm512_cvtepi8_epi32(x)};
}
TESSERA_INLINE __m128i s32_to_u8_saturated(S32x16 x) {
  return _mm512_cvtusepi32_epi8(_mm512_max_epi32(x.v, _mm512_setzero_si512()));
}
/// What is added to results on their way to u8, in the width where that is cheapest: lanes for 16 alone, words for two
/// rows.
struct ZeroPoint {
  __m512i lanes, words;
};
TESSERA_INLINE ZeroPoint zero_point_of(int value) {
  return {_mm512_set1_epi32(value), _mm512_set1_epi16(static_cast<short>(value))};
}
/// clamp(x + zero_point, 0, 255) for zero points of u8 and x below 2^31 - 255
TESSERA_INLINE __m128i s32_to_u8_saturated(S32x16 x, ZeroPoint zero_point) {
  return s32_to_u8_saturated(S32x16{_mm512_add_epi32(x.v, zero_point.lanes)});
}
/// Vectors of a row in store_rows_u8
constexpr int vectors_in_rows = 2;
/// The same for two rows at once, which takes fewer instructions.
template <bool adds_zero_point>
TESSERA_INLINE void store_rows_u8(void* first, void* second, const S32x16 (&x)[vectors_in_rows],
                                  const S32x16 (&y)[vectors_in_rows], ZeroPoint zero_point) {
  __m512i x_words = _mm512_packs_epi32(x[0].v, x[1].v), y_words = _mm512_packs_epi32(y[0].v, y[1].v);
  if constexpr (adds_zero_point) {
    x_words = _mm512_adds_epi16(x_words, zero_point.words);
    y_words = _mm512_adds_epi16(y_words, zero_point.words);
  }
  // The packs work within 128-bit quarters, each of which ends up with four bytes of x[0], x[1], y[0], y[1].
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(x_words, y_words));
  _mm256_storeu_si256(static_cast<__m256i*>(first), _mm512_castsi512_si256(bytes));
  _mm256_storeu_si256(static_cast<__m256i*>(second), _mm512_extracti64x4_epi64(bytes, 1));
}

// Across lanes
TESSERA_INLINE float horizontal_sum(F32x16 x) {
  return sum_8(_mm256_add_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1)));
}
TESSERA_INLINE float horizontal_max(F32x16 x) {
  return max_8(_mm256_max_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1)));
}

}  // namespace
}  // namespace tessera
