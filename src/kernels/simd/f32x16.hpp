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

/// Requantize, spread over lanes once before a loop.
struct Quantizer {
  F32x16 inverse_scale;
  S32x16 zero_point;
};
TESSERA_INLINE Quantizer quantizer(const Requantize& q) {
  return {set1(q.inverse_scale), set1_s32(q.zero_point)};
}

/// clamp(round_half_even(x * inverse_scale) + zero_point, 0, 255); NaN gives 0.
TESSERA_INLINE __m128i f32_to_u8(F32x16 x, const Quantizer& q) {
  // The conversion to s32 turns what is too large, infinite or NaN into INT32_MIN, which saturates to 0: right for NaN
  // and at the lower end. The upper end is cut first; min keeps a NaN in its second operand.
  const F32x16 scaled = min(set1(65536.0F), mul(x, q.inverse_scale));
  return s32_to_u8_saturated(add(to_s32(scaled), q.zero_point));
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

/// Through u8 and back, spread over lanes once before a loop.
struct RoundTrip {
  F32x16 inverse_scale, zero_point, scale, offset;
};
TESSERA_INLINE RoundTrip round_trip(const Requantize& to, const Dequantize& from, float offset) {
  return {set1(to.inverse_scale), set1(static_cast<float>(to.zero_point)), set1(from.scale), set1(offset)};
}
/// What is left of x when it is stored as u8 and read again under the same zero point, plus the offset; NaN as
/// f32_to_u8 has it.
TESSERA_INLINE F32x16 through_u8(F32x16 x, const RoundTrip& r) {
  // In floats, which hold these integers exactly: bytes would have to be packed and unpacked.
  const F32x16 q = add(round(mul(x, r.inverse_scale)), r.zero_point);
  const F32x16 limited = min(set1(255.0F), max(q, zero()));  // max gives its second operand for NaN
  return fma(sub(limited, r.zero_point), r.scale, r.offset);
}

TESSERA_INLINE F32x16 load_u8(const void* p, const Dequantizer& d) {
  return dequantize(load_u8(p), d);
}
TESSERA_INLINE F32x16 load_u8_partial(const void* p, const Dequantizer& d, int n) {
  return dequantize(load_u8_partial(p, n), d);
}

}  // namespace
}  // namespace tessera
