// Vectors of 16-bit integers, whose sums wrap: 16 of them on every tier, and the most that a register of the tier
// holds. Written once over either.
#pragma once

#include "kernels/simd/f32x16.hpp"

namespace tessera {
namespace {

struct Words16 {
  static constexpr int lanes = 16;
  __m256i v;

  TESSERA_MEMBER static Words16 load(const void* p) { return {load_16x16(p)}; }
  TESSERA_MEMBER static Words16 from_bytes(const void* p) { return {_mm256_cvtepu8_epi16(load_16x8(p))}; }
  TESSERA_MEMBER static Words16 from_signed_bytes(const void* p) { return {_mm256_cvtepi8_epi16(load_16x8(p))}; }
  TESSERA_MEMBER void store(void* p) const { store_16x16(p, v); }
};

TESSERA_INLINE Words16 add(Words16 a, Words16 b) {
  return {_mm256_add_epi16(a.v, b.v)};
}
TESSERA_INLINE Words16 sub(Words16 a, Words16 b) {
  return {_mm256_sub_epi16(a.v, b.v)};
}
template <int bits>
TESSERA_INLINE Words16 shift_left(Words16 x) {
  return {_mm256_slli_epi16(x.v, bits)};
}

#if defined(__AVX512BW__)
struct Words32 {
  static constexpr int lanes = 32;
  __m512i v;

  TESSERA_MEMBER static Words32 load(const void* p) { return {_mm512_loadu_si512(p)}; }
  TESSERA_MEMBER static Words32 from_bytes(const void* p) {
    return {_mm512_cvtepu8_epi16(_mm256_loadu_si256(static_cast<const __m256i*>(p)))};
  }
  TESSERA_MEMBER static Words32 from_signed_bytes(const void* p) {
    return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(static_cast<const __m256i*>(p)))};
  }
  TESSERA_MEMBER void store(void* p) const { _mm512_storeu_si512(p, v); }
};

TESSERA_INLINE Words32 add(Words32 a, Words32 b) {
  return {_mm512_add_epi16(a.v, b.v)};
}
TESSERA_INLINE Words32 sub(Words32 a, Words32 b) {
  return {_mm512_sub_epi16(a.v, b.v)};
}
template <int bits>
TESSERA_INLINE Words32 shift_left(Words32 x) {
  return {_mm512_slli_epi16(x.v, bits)};
}
using WidestWords = Words32;
#else
using WidestWords = Words16;
#endif

}  // namespace
}  // namespace tessera
