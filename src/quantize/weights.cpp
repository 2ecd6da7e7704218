#include "quantize/weights.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"

namespace tessera {

QuantizedWeights quantize_weights(const Tensor& weights, int axis) {
  const Shape& shape = weights.shape();
  const auto at = static_cast<std::size_t>(axis);
  const std::int64_t channels = shape[at], inner = shape.product(at + 1, shape.rank());
  const auto source = weights.as<float>();
  std::vector<float> largest(static_cast<std::size_t>(channels), 0.0F);
  const auto channel_of = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<std::int64_t>(i) / inner % channels);
  };
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (!std::isfinite(source[i])) reject("quantization", "a weight is NaN or infinite", "check the model");
    float& most = largest[channel_of(i)];
    most = std::max(most, std::fabs(source[i]));
  }
  QuantizedWeights result{Tensor(DataType::s8, shape), {{}, std::vector<std::int32_t>(largest.size(), 0), axis}};
  std::vector<float> inverse;
  for (const float most : largest) {
    // A channel of zeros, or of numbers so small that 1 / scale would be infinite.
    const bool negligible = most / 127.0F < std::numeric_limits<float>::min();
    result.quantization.scale.push_back(negligible ? 1.0F : most / 127.0F);
    inverse.push_back(1.0F / result.quantization.scale.back());
  }
  const auto target = result.values.mutable_as<std::int8_t>();
  for (std::size_t i = 0; i < source.size(); ++i) {
    const float q = std::nearbyint(source[i] * inverse[channel_of(i)]);
    target[i] = static_cast<std::int8_t>(std::clamp(q, -127.0F, 127.0F));
  }
  return result;
}

}  // namespace tessera
