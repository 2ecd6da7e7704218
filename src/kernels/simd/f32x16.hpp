// F32x16: the 16-lane float vector in which everything but the matrix product is written once. This header picks the
// tier's registers and adds what is the same on all of them: typed loads and stores.
//
//   F32x16 x = load_bf16(p);  x = fma(x, set1(2), set1(1));  store_u8(q, x, quantizer(requantize));
#pragma once

#if defined(__AVX512F__)
#include "kernels/simd/f32x16_avx512.hpp"
#else
#include "kernels/simd/f32x16_avx2.hpp"
#endif
#include "kernels/types.hpp"

namespace tessera {
namespace {

TESSERA_INLINE F32x16 load_bf16(const void* p) {
  return bf16_to_f32(load_16x16(p));
}
TESSERA_INLINE F32x16 load_bf16_partial(const void* p, int n) {
  return bf16_to_f32(load_16x16_partial(p, n));
}
TESSERA_INLINE void store_bf16(void* p, F32x16 x) {
  store_16x16(p, f32_to_bf16(x));
}
TESSERA_INLINE void store_bf16_partial(void* p, F32x16 x, int n) {
  store_16x16_partial(p, f32_to_bf16(x), n);
}

/// As f32_to_bf16; with one instruction instead of eight where the tier has it. That one takes denormal numbers for 0,
/// so it is for sums of bf16 products alone, which the same tier makes with instructions that do so, too.
TESSERA_INLINE __m256i product_to_bf16(F32x16 x) {
#if defined(__AVX512BF16__)
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x.v));
#else
  return f32_to_bf16(x);
#endif
}

// Integers as floats, exact; (q - zero_point) * scale is left to Dequantizer.
TESSERA_INLINE F32x16 load_u8(const void* p) {
  return to_f32(load_u8_as_s32(p));
}
TESSERA_INLINE F32x16 load_u8_partial(const void* p, int n) {
  return to_f32(u8_to_s32(load_16x8_partial(p, n)));
}
TESSERA_INLINE F32x16 load_s8(const void* p) {
  return to_f32(s8_to_s32(load_16x8(p)));
}
TESSERA_INLINE F32x16 load_s8_partial(const void* p, int n) {
  return to_f32(s8_to_s32(load_16x8_partial(p, n)));
}

/// Requantize, spread over lanes once before a loop: by the reciprocal, ...
struct Quantizer {
  F32x16 inverse_scale;
  S32x16 zero_point;
};
TESSERA_INLINE Quantizer quantizer(const Requantize& q) {
  return {set1(1.0F / q.scale), set1_s32(q.zero_point)};
}
TESSERA_INLINE F32x16 in_steps(F32x16 x, const Quantizer& q) {
  return mul(x, q.inverse_scale);
}
/// ... or by division, which takes several times as long.
struct DividingQuantizer {
  F32x16 scale;
  S32x16 zero_point;
};
TESSERA_INLINE DividingQuantizer dividing_quantizer(const Requantize& q) {
  return {set1(q.scale), set1_s32(q.zero_point)};
}
TESSERA_INLINE F32x16 in_steps(F32x16 x, const DividingQuantizer& q) {
  return div(x, q.scale);
}

/// clamp(round_half_even(x in steps) + zero_point, 0, 255); NaN gives 0.
template <class AnyQuantizer>
TESSERA_INLINE __m128i f32_to_u8(F32x16 x, const AnyQuantizer& q) {
  // The conversion to s32 turns what is too large, infinite or NaN into INT32_MIN, which saturates to 0: right for NaN
  // and at the lower end. The upper end is cut first; min keeps a NaN in its second operand.
  const F32x16 steps = min(set1(65536.0F), in_steps(x, q));
  return s32_to_u8_saturated(add(to_s32(steps), q.zero_point));
}
TESSERA_INLINE void store_u8(void* p, F32x16 x, const Quantizer& q) {
  store_16x8(p, f32_to_u8(x, q));
}
TESSERA_INLINE void store_u8_partial(void* p, F32x16 x, const Quantizer& q, int n) {
  store_16x8_partial(p, f32_to_u8(x, q), n);
}

/// Dequantize, spread over lanes once before a loop.
struct Dequantizer {
  F32x16 scale;
  F32x16 zero_point;
};
TESSERA_INLINE Dequantizer dequantizer(const Dequantize& q) {
  return {set1(q.scale), set1(static_cast<float>(q.zero_point))};
}
/// scale * (q - zero_point), rounded once: the difference of small integers is exact.
TESSERA_INLINE F32x16 dequantize(F32x16 q, const Dequantizer& d) {
  return mul(sub(q, d.zero_point), d.scale);
}

/// The u8 of f32_to_u8 as floats, which hold these integers exactly: bytes would have to be packed and unpacked.
TESSERA_INLINE F32x16 round_to_u8(F32x16 x, const Quantizer& q) {
  const F32x16 rounded = add(round(in_steps(x, q)), to_f32(q.zero_point));
  return min(set1(255.0F), max(rounded, zero()));  // max gives its second operand for NaN
}

TESSERA_INLINE F32x16 load_u8(const void* p, const Dequantizer& d) {
  return dequantize(load_u8(p), d);
}
TESSERA_INLINE F32x16 load_u8_partial(const void* p, const Dequantizer& d, int n) {
  return dequantize(load_u8_partial(p, n), d);
}

}  // namespace
}  // namespace tessera
