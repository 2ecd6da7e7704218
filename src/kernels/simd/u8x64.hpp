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
TESSERA_INLINE U8x64 max(U8x64 a, U8x64 b) {
  return {_mm256_max_epu8(a.lo, b.lo), _mm256_max_epu8(a.hi, b.hi)};
}
#endif

}  // namespace
}  // namespace tessera
