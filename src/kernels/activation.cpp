#include "kernels/activation.hpp"

#include <cmath>
#include <numbers>

namespace tessera {
namespace {

float clip(float x, float low, float high) {
  const float raised = x < low ? low : x;
  return raised > high ? high : raised;  // NaN stays NaN, and the upper bound wins where the bounds cross
}

double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

/// x * weight, but -0 where the weight is 0, whatever x is.
double weighted(double x, double weight) {
  return weight == 0.0 ? -0.0 : x * weight;
}

double gelu_tanh(double x) {
  const double u = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return weighted(x, sigmoid(2.0 * u));
}

}  // namespace

float activated(Activation activation, const ActivationParameters& parameters, float x) {
  const double wide = x;
  switch (activation) {
    case Activation::none: return x;
    case Activation::relu: return x < 0.0F ? 0.0F : x;
    case Activation::gelu: return static_cast<float>(0.5 * wide * std::erfc(-wide * std::sqrt(0.5)));
    case Activation::tanh: return static_cast<float>(std::tanh(wide));
    case Activation::clip: return clip(x, parameters.first, parameters.second);
    case Activation::sigmoid: return static_cast<float>(sigmoid(wide));
    case Activation::hard_sigmoid: return clip(std::fma(x, parameters.first, parameters.second), 0.0F, 1.0F);
    case Activation::swish: return static_cast<float>(wide * sigmoid(static_cast<double>(parameters.first) * wide));
    case Activation::hard_swish: return x * clip(std::fma(x, 1.0F / 6.0F, 0.5F), 0.0F, 1.0F);
    case Activation::gelu_tanh: return static_cast<float>(gelu_tanh(wide));
  }
  return x;
}

}  // namespace tessera
