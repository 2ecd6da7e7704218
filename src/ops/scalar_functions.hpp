// The activation functions on one number, in the form their ONNX definitions give.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tessera {

inline float relu(float x) {
  return x > 0.0F || std::isnan(x) ? x : 0.0F;
}
inline float sigmoid(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}
inline float gelu(float x) {
  return 0.5F * x * (1.0F + std::erf(x / std::numbers::sqrt2_v<float>));
}

/// The tanh approximation of gelu; not what the `gelu` activation of the fused ops means.
inline float gelu_tanh(float x) {
  const float slope = std::sqrt(2.0F / std::numbers::pi_v<float>);
  return 0.5F * x * (1.0F + std::tanh(slope * (x + 0.044715F * x * x * x)));
}

inline float hard_sigmoid(float x, float alpha, float beta) {
  return std::clamp(alpha * x + beta, 0.0F, 1.0F);
}

}  // namespace tessera
