// exp, erf, GELU, tanh and the activations over 16 lanes, written once: explicit fused multiply-adds and IEEE
// operations only, so that every tier gives the same bits. NaN in, NaN out.
//
// The polynomial coefficients are minimax fits of our own: least squares on 1500 Chebyshev nodes in 113-bit arithmetic,
// reweighted by the residual (Lawson's algorithm) until the weighted error is level, then rounded to float. Each is
// given with the largest relative error it adds to the function. Total errors against libm in double, which
// tests/unit/kernels/simd_test.cpp holds the functions to:
//   exp   1 ulp where the result is a normal number; 0 below, infinity above
//   tanh  2.5 ulp
//   erf   2.5 ulp
//   gelu  2.7 ulp for x >= 0; 2.6 * 2^-24 |x| for x < 0, as where erf is computed first; -0 from -5.27 on
//   sigmoid    3 ulp where e^-|x| is a normal number; 0 below
//   swish      3.1 ulp for x * sigmoid(x) from x = -88 on; 6e-39 x below
//   gelu_tanh  4 ulp for x >= 0; 2^-21 |x| for x < 0
#pragma once

#include "kernels/simd/f32x16.hpp"

namespace tessera {
namespace {

/// c[0] + c[1] x + ... by Horner's rule
template <int count>
TESSERA_INLINE F32x16 polynomial(F32x16 x, const float (&c)[count]) {
  F32x16 sum = set1(c[count - 1]);
  for (int i = count - 2; i >= 0; --i) sum = fma(sum, x, set1(c[i]));
  return sum;
}

/// x = n ln 2 + r with |r| <= ln 2 / 2 and e^r = 1 + q: the common part of exp and tanh. q keeps its relative accuracy
/// near 0.
struct ExpParts {
  F32x16 q;
  S32x16 n;
};
TESSERA_INLINE ExpParts exp_parts(F32x16 x) {
  const F32x16 n = round(mul(x, set1(1.44269502F)));
  // ln 2 in two parts; the first has 15 bits, so that its product with n is exact.
  const F32x16 r = fnma(n, set1(1.42860682e-6F), fnma(n, set1(0.693145752F), x));
  // (e^r - 1 - r) / r^2, adding 3.1e-9
  static constexpr float c[] = {0.49999994F, 0.166665211F, 0.041668389F, 0.00836873613F, 0.0013814558F};
  return {fma(mul(r, r), polynomial(r, c), r), to_s32(n)};
}

/// exp for x <= 0 and NaN, without its test for overflow.
TESSERA_INLINE F32x16 exp_below_one(F32x16 x) {
  const ExpParts parts = exp_parts(x);
  // 2^n goes into the exponent bits; where that leaves the range of normal numbers the selection overrides it.
  const F32x16 scaled = from_bits(add(bits_of(add(set1(1.0F), parts.q)), shift_left<23>(parts.n)));
  return select(less(x, set1(-87.3365402F)), zero(), scaled);
}

TESSERA_INLINE F32x16 exp(F32x16 x) {
  return select(less(set1(88.7228317F), x), set1(__builtin_inff()), exp_below_one(x));
}

TESSERA_INLINE F32x16 with_sign_of(F32x16 magnitude, F32x16 sign) {
  return bit_or(magnitude, bit_and(sign, set1(-0.0F)));
}

TESSERA_INLINE F32x16 tanh(F32x16 x) {
  // With m = e^(2|x|) - 1: tanh |x| = m / (m + 2), without cancellation; from |x| = 10 on it is 1 in float.
  const F32x16 t = min(set1(10.0F), magnitude(x));
  const ExpParts parts = exp_parts(add(t, t));
  const F32x16 power = from_bits(shift_left<23>(add(parts.n, set1_s32(127))));
  const F32x16 m = fma(power, parts.q, sub(power, set1(1.0F)));
  return with_sign_of(div(m, add(m, set1(2.0F))), x);
}

/// The upper tail of the normal distribution, erfc(t / sqrt 2) / 2, for t >= 0, with small relative error: e^(-t^2 / 2)
/// times a slowly varying factor, which is a polynomial in (t - 3) / (t + 3).
TESSERA_INLINE F32x16 normal_tail(F32x16 t_any) {
  const F32x16 t = min(set1(14.0F), t_any);  // e^-98 is 0 here
  const F32x16 square = mul(t, t);
  const F32x16 lost = fma(t, t, sub(zero(), square));  // what rounding took from t^2: e^-lost/2 = 1 - lost/2
  const F32x16 power = exp(mul(square, set1(-0.5F)));
  const F32x16 corrected = fnma(mul(power, lost), set1(0.5F), power);
  const F32x16 u = div(sub(t, set1(3.0F)), add(t, set1(3.0F)));
  // On t in [0, 14.5], adding 9.2e-9
  static constexpr float c[] = {0.121513948F,   -0.206402615F,    0.123225041F,     -0.0462132618F,  0.00613194238F,
                                0.00290438742F, -0.000983288046F, -0.000339012826F, 0.000115013565F, 5.3161868e-05F};
  return mul(corrected, polynomial(u, c));
}

TESSERA_INLINE F32x16 erf(F32x16 x) {
  const F32x16 t = magnitude(x);
  const F32x16 far = fnma(set1(2.0F), normal_tail(mul(t, set1(1.41421354F))), set1(1.0F));
  // erf(x) / x in x^2 on [0, 1], adding 1.2e-9
  static constexpr float c[] = {1.12837911F,    -0.37612626F,     0.112835854F,   -0.0268538166F,
                                0.00518833473F, -0.000801024784F, 7.85402663e-05F};
  const F32x16 near = mul(t, polynomial(mul(t, t), c));
  return with_sign_of(select(less(t, set1(1.0F)), near, far), x);
}

/// x * Phi(x) = x / 2 * (1 + erf(x / sqrt 2)), the exact form. Every feed-forward layer of a transformer computes it
/// for four times its width, so it has a short way of its own: Phi(x) - 1/2 as x times a rational function of x^2.
TESSERA_INLINE F32x16 gelu(F32x16 x) {
  // At 5.27 the fit gives exactly 1/2, and nowhere more: from there on Phi is taken to be 0 or 1.
  const F32x16 t = min(set1(5.27F), max(set1(-5.27F), x));
  const F32x16 square = mul(t, t);
  // On [-5.45, 5.45], adding 1.5e-8
  static constexpr float above[] = {0.398942262F,    0.0332495496F,  0.004640372F,
                                    0.000162672106F, 6.31107832e-6F, 2.32431248e-8F};
  static constexpr float below[] = {1.0F, 0.250010699F, 0.0283007529F, 0.00184984354F, 7.16734721e-5F, 1.20880122e-6F};
  const F32x16 rest = div(mul(t, polynomial(square, above)), polynomial(square, below));
  // Far out on the left Phi is 0: a limited x keeps minus infinity from making it NaN.
  return mul(max(set1(-100.0F), x), add(set1(0.5F), rest));
}

/// max(x, 0); NaN stays NaN.
TESSERA_INLINE F32x16 relu(F32x16 x) {
  return max(zero(), x);
}

/// 1 / (1 + e^-x), by e^-|x|, which cannot overflow.
TESSERA_INLINE F32x16 sigmoid(F32x16 x) {
  const F32x16 power = exp_below_one(sub(zero(), magnitude(x)));
  const F32x16 one = set1(1.0F);
  return div(select(less(x, zero()), power, one), add(one, power));
}

/// x * sigmoid(u) as x / (1 + e^-u): one exponential and one division, whatever the sign of u. u is held to where e^-u
/// is a normal number, and x to what that makes as good as 0, lest minus infinity stay infinite.
TESSERA_INLINE F32x16 times_sigmoid(F32x16 x, F32x16 u) {
  const F32x16 held = min(set1(87.0F), max(set1(-88.0F), u));
  // As exp_parts(-held), with s = -r: the odd coefficients change their signs.
  const F32x16 n = round(mul(held, set1(-1.44269502F)));
  const F32x16 s = fma(n, set1(1.42860682e-6F), fma(n, set1(0.693145752F), held));
  static constexpr float c[] = {0.49999994F, -0.166665211F, 0.041668389F, -0.00836873613F, 0.0013814558F};
  const F32x16 power = fma(mul(s, s), polynomial(s, c), sub(set1(1.0F), s));
  const F32x16 scaled = from_bits(add(bits_of(power), shift_left<23>(to_s32(n))));
  return div(max(set1(-1e30F), x), add(set1(1.0F), scaled));
}

/// min(max(x, low), high); NaN stays NaN.
TESSERA_INLINE F32x16 clip(F32x16 x, F32x16 low, F32x16 high) {
  return min(high, max(low, x));
}

TESSERA_INLINE F32x16 hard_sigmoid(F32x16 x, float slope, float offset) {
  return clip(fma(x, set1(slope), set1(offset)), zero(), set1(1.0F));
}

/// x / 2 * (1 + tanh(u)) with u = sqrt(2 / pi) * (x + 0.044715 x^3), which is x * sigmoid(2 u).
TESSERA_INLINE F32x16 gelu_tanh(F32x16 x) {
  const F32x16 limited = max(set1(-100.0F), x);  // minus infinity times 0 would be NaN
  const F32x16 slope = fma(mul(limited, limited), set1(0.0713548163F), set1(1.59576912F));
  return times_sigmoid(limited, mul(limited, slope));
}

TESSERA_INLINE F32x16 activate(Activation activation, const ActivationParameters& p, F32x16 x) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::relu: return relu(x);
    case Activation::gelu: return gelu(x);
    case Activation::tanh: return tanh(x);
    case Activation::clip: return clip(x, set1(p.first), set1(p.second));
    case Activation::sigmoid: return sigmoid(x);
    case Activation::hard_sigmoid: return hard_sigmoid(x, p.first, p.second);
    case Activation::swish: return times_sigmoid(x, mul(x, set1(p.first)));
    case Activation::hard_swish: return mul(x, hard_sigmoid(x, 1.0F / 6.0F, 0.5F));
    case Activation::gelu_tanh: return gelu_tanh(x);
  }
  return x;
}

}  // namespace
}  // namespace tessera
