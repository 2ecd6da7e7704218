// The functions of kernels/simd as plain calls on arrays, compiled once a tier by the files beside this one (<tier>.cpp
// gets the tier's flags), so that a test can run them on the tiers this CPU has.
#pragma once

#include "tessera/isa.hpp"

namespace tessera {

struct SimdProbe {
  Isa isa;
  // y[0..15] = f(x[0..15])
  void (*exp)(const float* x, float* y);
  void (*erf)(const float* x, float* y);
  void (*gelu)(const float* x, float* y);
  void (*tanh)(const float* x, float* y);
  void (*sigmoid)(const float* x, float* y);
  void (*swish)(const float* x, float* y);  ///< x * sigmoid(x)
  void (*gelu_tanh)(const float* x, float* y);
  // Of x[0..15]
  float (*sum)(const float* x);
  float (*maximum)(const float* x);
  // Lane by lane
  void (*max)(const float* a, const float* b, float* y);
  // Partial loads and stores of the first n elements: y = x
  void (*copy_f32)(const void* x, void* y, int n);
  void (*copy_bf16)(const void* x, void* y, int n);
  void (*copy_u8)(const void* x, void* y, int n);
  void (*widen_s8)(const void* x, float* y, int n);
  void (*widen_s32)(const void* x, float* y, int n);
};

extern const SimdProbe simd_probe_avx2;
extern const SimdProbe simd_probe_avx512_core;

}  // namespace tessera
