// Vocabulary shared by the kernel contracts. Included by per-ISA translation units: nothing but <cstdint> and enums
// here, because an inline function compiled with AVX-512 flags must never be handed to an AVX2 machine by the linker.
#pragma once

#include <cstdint>

#include "tessera/data_type.hpp"
#include "tessera/isa.hpp"

namespace tessera {

enum class Activation : std::uint8_t {
  none,
  relu,
  gelu,  ///< with erf
  tanh,
  clip,          ///< min(max(x, first), second); NaN stays NaN
  sigmoid,       ///< 1 / (1 + e^-x)
  hard_sigmoid,  ///< clip of first * x + second to 0..1, the product and the sum rounded once
  swish,         ///< x * sigmoid(first * x); SiLU where first is 1
  hard_swish,    ///< x * clip of x / 6 + 1/2 to 0..1, likewise
  gelu_tanh      ///< the approximation of gelu with tanh
};
/// The numbers of an activation that has some.
struct ActivationParameters {
  float first = 0, second = 0;
};

/// How reals become u8: q = clamp(round_half_even(x / scale) + zero_point). Conversions divide, as QuantizeLinear is
/// defined; whatever computes the x multiplies by the reciprocal, rounded to f32.
struct Requantize {
  float scale = 1.0F;
  std::int32_t zero_point = 0;
};

/// real = scale * (q - zero_point)
struct Dequantize {
  float scale = 1.0F;
  std::int32_t zero_point = 0;
};

}  // namespace tessera
