// U8x64: 64 bytes, for what stays in integers and is therefore exact whatever the register width.
#pragma once

#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

#if defined(__AVX512F__)
struct U8x64 {
  __m512i v;
};
TESSERA_INLINE U8x64 load_u8x64(const void* p) {
  return {_mm512_loadu_si512(p)};
}
TESSERA_INLINE void store_u8x64(void* p, U8x64 x) {
  _mm512_storeu_si512(p, x.v);
}
TESSERA_INLINE U8x64 zero_u8x64() {
  return {_mm512_setzero_si512()};
}
/// x with the bytes of `mask` replaced by those at p; the others are not touched in memory.
TESSERA_INLINE U8x64 insert_u8x64(U8x64 x, std::uint64_t mask, const void* p) {
  return {_mm512_mask_loadu_epi8(x.v, mask, p)};
}
TESSERA_INLINE U8x64 max(U8x64 a, U8x64 b) {
  return {_mm512_max_epu8(a.v, b.v)};
}
#else
struct U8x64 {
  __m256i lo, hi;
};
TESSERA_INLINE U8x64 load_u8x64(const void* p) {
  const auto* i = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(i), _mm256_loadu_si256(i + 1)};
}
TESSERA_INLINE void store_u8x64(void* p, U8x64 x) {
  auto* i = static_cast<__m256i*>(p);
  _mm256_storeu_si256(i, x.lo);
  _mm256_storeu_si256(i + 1, x.hi);
}
TESSERA_INLINE U8x64 zero_u8x64() {
  return {_mm256_setzero_si256(), _mm256_setzero_si256()};
}
TESSERA_INLINE U8x64 insert_u8x64(U8x64 x, std::uint64_t mask, const void* p) {
  for (int i = 0; i < 64; ++i)
    if ((mask >> i & 1U) != 0) __builtin_memcpy(reinterpret_cast<char*>(&x) + i, static_cast<const char*>(p) + i, 1);
  return x;
}
TESSERA_INLINE U8x64 max(U8x64 a, U8x64 b) {
  return {_mm256_max_epu8(a.lo, b.lo), _mm256_max_epu8(a.hi, b.hi)};
}
#endif

}  // namespace
}  // namespace tessera
