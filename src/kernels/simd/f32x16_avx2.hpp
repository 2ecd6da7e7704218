// F32x16, S32x16, Mask16 on pairs of 256-bit registers: lanes 0-7 in lo, 8-15 in hi. The same functions as
// f32x16_avx512.hpp, with the same results bit for bit; the rules stand there.
#pragma once

#include "kernels/simd/ymm.hpp"

namespace tessera {
namespace {

struct F32x16 {
  __m256 lo, hi;
};
struct S32x16 {
  __m256i lo, hi;
};
struct Mask16 {
  __m256 lo, hi;
};

TESSERA_INLINE Mask16 first_lanes(int n) {
  return {_mm256_castsi256_ps(first_8(n)), _mm256_castsi256_ps(first_8(n - 8))};
}

// Making and moving values
TESSERA_INLINE F32x16 zero() {
  return {_mm256_setzero_ps(), _mm256_setzero_ps()};
}
TESSERA_INLINE F32x16 set1(float x) {
  return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
TESSERA_INLINE S32x16 set1_s32(std::int32_t x) {
  return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}

TESSERA_INLINE F32x16 load_f32(const void* p) {
  const auto* f = static_cast<const float*>(p);
  return {_mm256_loadu_ps(f), _mm256_loadu_ps(f + 8)};
}
TESSERA_INLINE F32x16 load_f32_partial(const void* p, int n) {
  const auto* f = static_cast<const float*>(p);
  return {_mm256_maskload_ps(f, first_8(n)), _mm256_maskload_ps(f + 8, first_8(n - 8))};
}
TESSERA_INLINE void store_f32(void* p, F32x16 x) {
  auto* f = static_cast<float*>(p);
  _mm256_storeu_ps(f, x.lo);
  _mm256_storeu_ps(f + 8, x.hi);
}
TESSERA_INLINE void store_f32_partial(void* p, F32x16 x, int n) {
  auto* f = static_cast<float*>(p);
  _mm256_maskstore_ps(f, first_8(n), x.lo);
  _mm256_maskstore_ps(f + 8, first_8(n - 8), x.hi);
}

TESSERA_INLINE S32x16 load_s32(const void* p) {
  const auto* i = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(i), _mm256_loadu_si256(i + 1)};
}
TESSERA_INLINE S32x16 load_s32_partial(const void* p, int n) {
  const auto* i = static_cast<const int*>(p);
  return {_mm256_maskload_epi32(i, first_8(n)), _mm256_maskload_epi32(i + 8, first_8(n - 8))};
}
TESSERA_INLINE void store_s32(void* p, S32x16 x) {
  auto* i = static_cast<__m256i*>(p);
  _mm256_storeu_si256(i, x.lo);
  _mm256_storeu_si256(i + 1, x.hi);
}

// Narrow vectors: 16 words of 16 bits and 16 bytes. AVX2 has no masked moves for them: partial ones go through the
// stack.
TESSERA_INLINE __m256i load_16x16(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
TESSERA_INLINE __m256i load_16x16_partial(const void* p, int n) {
  __m256i whole = _mm256_setzero_si256();
  __builtin_memcpy(&whole, p, 2 * static_cast<std::size_t>(n));
  return whole;
}
TESSERA_INLINE void store_16x16(void* p, __m256i x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), x);
}
TESSERA_INLINE void store_16x16_partial(void* p, __m256i x, int n) {
  __builtin_memcpy(p, &x, 2 * static_cast<std::size_t>(n));
}
TESSERA_INLINE __m128i load_16x8(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
TESSERA_INLINE __m128i load_16x8_partial(const void* p, int n) {
  __m128i whole = _mm_setzero_si128();
  __builtin_memcpy(&whole, p, static_cast<std::size_t>(n));
  return whole;
}
TESSERA_INLINE void store_16x8(void* p, __m128i x) {
  _mm_storeu_si128(static_cast<__m128i*>(p), x);
}
TESSERA_INLINE void store_16x8_partial(void* p, __m128i x, int n) {
  __builtin_memcpy(p, &x, static_cast<std::size_t>(n));
}

// Float arithmetic
TESSERA_INLINE F32x16 add(F32x16 a, F32x16 b) {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
TESSERA_INLINE F32x16 sub(F32x16 a, F32x16 b) {
  return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
TESSERA_INLINE F32x16 mul(F32x16 a, F32x16 b) {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
TESSERA_INLINE F32x16 div(F32x16 a, F32x16 b) {
  return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
/// a * b + c, rounded once
TESSERA_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
/// c - a * b, rounded once
TESSERA_INLINE F32x16 fnma(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}
TESSERA_INLINE F32x16 max(F32x16 a, F32x16 b) {
  return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
TESSERA_INLINE F32x16 min(F32x16 a, F32x16 b) {
  return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
TESSERA_INLINE F32x16 sqrt(F32x16 x) {
  return {_mm256_sqrt_ps(x.lo), _mm256_sqrt_ps(x.hi)};
}
/// To the nearest integer, ties to even
TESSERA_INLINE F32x16 round(F32x16 x) {
  return {_mm256_round_ps(x.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
          _mm256_round_ps(x.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
TESSERA_INLINE F32x16 bit_and(F32x16 a, F32x16 b) {
  return {_mm256_and_ps(a.lo, b.lo), _mm256_and_ps(a.hi, b.hi)};
}
TESSERA_INLINE F32x16 bit_or(F32x16 a, F32x16 b) {
  return {_mm256_or_ps(a.lo, b.lo), _mm256_or_ps(a.hi, b.hi)};
}
TESSERA_INLINE F32x16 magnitude(F32x16 x) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  return {_mm256_andnot_ps(sign, x.lo), _mm256_andnot_ps(sign, x.hi)};
}

// Comparison: false where either is NaN
TESSERA_INLINE Mask16 less(F32x16 a, F32x16 b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}
TESSERA_INLINE F32x16 select(Mask16 mask, F32x16 yes, F32x16 no) {
  return {_mm256_blendv_ps(no.lo, yes.lo, mask.lo), _mm256_blendv_ps(no.hi, yes.hi, mask.hi)};
}

// Integers
TESSERA_INLINE S32x16 add(S32x16 a, S32x16 b) {
  return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
TESSERA_INLINE S32x16 sub(S32x16 a, S32x16 b) {
  return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
}
TESSERA_INLINE S32x16 mul(S32x16 a, S32x16 b) {
  return {_mm256_mullo_epi32(a.lo, b.lo), _mm256_mullo_epi32(a.hi, b.hi)};
}
TESSERA_INLINE S32x16 max(S32x16 a, S32x16 b) {
  return {_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)};
}
TESSERA_INLINE S32x16 min(S32x16 a, S32x16 b) {
  return {_mm256_min_epi32(a.lo, b.lo), _mm256_min_epi32(a.hi, b.hi)};
}
template <int bits>
TESSERA_INLINE S32x16 shift_left(S32x16 x) {
  return {_mm256_slli_epi32(x.lo, bits), _mm256_slli_epi32(x.hi, bits)};
}
/// Arithmetic: the sign stays.
template <int bits>
TESSERA_INLINE S32x16 shift_right(S32x16 x) {
  return {_mm256_srai_epi32(x.lo, bits), _mm256_srai_epi32(x.hi, bits)};
}
TESSERA_INLINE F32x16 to_f32(S32x16 x) {
  return {_mm256_cvtepi32_ps(x.lo), _mm256_cvtepi32_ps(x.hi)};
}
/// To nearest, ties to even; NaN and values beyond the range give INT32_MIN.
TESSERA_INLINE S32x16 to_s32(F32x16 x) {
  return {_mm256_cvtps_epi32(x.lo), _mm256_cvtps_epi32(x.hi)};
}
TESSERA_INLINE S32x16 bits_of(F32x16 x) {
  return {_mm256_castps_si256(x.lo), _mm256_castps_si256(x.hi)};
}
TESSERA_INLINE F32x16 from_bits(S32x16 x) {
  return {_mm256_castsi256_ps(x.lo), _mm256_castsi256_ps(x.hi)};
}

// Widening and narrowing between 16 lanes of 32 bits and narrow vectors
TESSERA_INLINE __m256 bf16_to_f32_8(__m128i x) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}
TESSERA_INLINE F32x16 bf16_to_f32(__m256i x) {
  return {bf16_to_f32_8(_mm256_castsi256_si128(x)), bf16_to_f32_8(_mm256_extracti128_si256(x, 1))};
}
/// The 16 bits of each result in the lower half of its lane
TESSERA_INLINE __m256i f32_to_bf16_8(__m256 x) {
  const __m256i word = _mm256_castps_si256(x);
  const __m256i upper = _mm256_srli_epi32(word, 16);
  const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
  const __m256i rounded =
      _mm256_srli_epi32(_mm256_add_epi32(word, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
  const __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
  return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
}
/// Nearest even; NaN stays a (quiet) NaN. Denormals are kept.
TESSERA_INLINE __m256i f32_to_bf16(F32x16 x) {
  // The pack works within 128-bit halves: quarters come out as lo0 hi0 lo1 hi1.
  return _mm256_permute4x64_epi64(_mm256_packus_epi32(f32_to_bf16_8(x.lo), f32_to_bf16_8(x.hi)),
                                  _MM_SHUFFLE(3, 1, 2, 0));
}
TESSERA_INLINE S32x16 u8_to_s32(__m128i x) {
  return {_mm256_cvtepu8_epi32(x), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(x, x))};
}
/// 16 bytes from memory: two loads that widen are one instruction less than a load and a shuffle.
TESSERA_INLINE S32x16 load_u8_as_s32(const void* p) {
  const auto* bytes = static_cast<const std::byte*>(p);
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes))),
          _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes + 8)))};
}
TESSERA_INLINE S32x16 s8_to_s32(__m128i x) {
  return {_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(x, x))};
}
TESSERA_INLINE __m128i words_to_u8_saturated(__m256i packed) {
  const __m256i words = _mm256_permute4x64_epi64(packed, _MM_SHUFFLE(3, 1, 2, 0));
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}
TESSERA_INLINE __m128i s32_to_u8_saturated(S32x16 x) {
  return words_to_u8_saturated(_mm256_packs_epi32(x.lo, x.hi));
}
/// What is added to 16 results on their way to u8, in the width where that is cheapest
struct ZeroPoint {
  __m256i words;
};
TESSERA_INLINE ZeroPoint zero_point_of(int value) {
  return {_mm256_set1_epi16(static_cast<short>(value))};
}
/// clamp(x + zero_point, 0, 255) for zero points of u8
TESSERA_INLINE __m128i s32_to_u8_saturated(S32x16 x, ZeroPoint zero_point) {
  return words_to_u8_saturated(_mm256_adds_epi16(_mm256_packs_epi32(x.lo, x.hi), zero_point.words));
}
/// Vectors of a row in store_rows_u8
constexpr int vectors_in_rows = 1;
/// The same for two rows at once, which takes fewer instructions.
template <bool adds_zero_point>
TESSERA_INLINE void store_rows_u8(void* first, void* second, const S32x16 (&x)[vectors_in_rows],
                                  const S32x16 (&y)[vectors_in_rows], ZeroPoint zero_point) {
  __m256i x_words = _mm256_packs_epi32(x[0].lo, x[0].hi), y_words = _mm256_packs_epi32(y[0].lo, y[0].hi);
  if constexpr (adds_zero_point) {
    x_words = _mm256_adds_epi16(x_words, zero_point.words);
    y_words = _mm256_adds_epi16(y_words, zero_point.words);
  }
  // The packs work within 128-bit halves, each of which ends up with four bytes of x.lo, x.hi, y.lo, y.hi.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(x_words, y_words), order);
  _mm_storeu_si128(static_cast<__m128i*>(first), _mm256_castsi256_si128(bytes));
  _mm_storeu_si128(static_cast<__m128i*>(second), _mm256_extracti128_si256(bytes, 1));
}

// Across lanes
TESSERA_INLINE float horizontal_sum(F32x16 x) {
  return sum_8(_mm256_add_ps(x.lo, x.hi));
}
TESSERA_INLINE float horizontal_max(F32x16 x) {
  return max_8(_mm256_max_ps(x.lo, x.hi));
}

}  // namespace
}  // namespace tessera
