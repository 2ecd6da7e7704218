#include "quantize/ranges.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace tessera {

void RangeObserver::observe(const std::string& name, const Tensor& tensor) {
  auto [entry, fresh] = intervals_.try_emplace(name);
  ActivationRange& interval = entry->second;
  const auto elements = tensor.as<float>();
  if (elements.empty()) return;
  float low = elements[0], high = elements[0], sum = 0.0F;
  for (const float x : elements) {
    low = std::min(low, x);
    high = std::max(high, x);
    sum += x * 0.0F;  // NaN as soon as one element is NaN or infinite
  }
  if (std::isnan(sum))
    reject("calibration", "activation " + name + " holds NaN or infinity", "check the calibration data and the model");
  if (fresh || interval.seen == 0) {
    interval.low = low;
    interval.high = high;
  }
  interval.low = std::min(interval.low, low);
  interval.high = std::max(interval.high, high);
  interval.seen += static_cast<std::int64_t>(elements.size());
}

const ActivationRange& RangeObserver::of(const std::string& name) const {
  const auto found = intervals_.find(name);
  if (found == intervals_.end() || found->second.seen == 0)
    fail("calibration", "activation " + name + " was never observed");
  return found->second;
}

Quantization activation_quantization(const ActivationRange& interval) {
  const float low = std::min(0.0F, interval.low), high = std::max(0.0F, interval.high);
  const float scale = high > low ? (high - low) / 255.0F : 1.0F;
  const auto zero = static_cast<std::int32_t>(std::lround(-low / scale));
  return {{scale}, {std::clamp(zero, 0, 255)}, -1};
}

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
    float& most = largest[channel_of(i)];
    most = std::max(most, std::fabs(source[i]));
  }
  QuantizedWeights result{Tensor(DataType::s8, shape), {{}, std::vector<std::int32_t>(largest.size(), 0), axis}};
  std::vector<float> inverse;
  for (const float most : largest) {
    result.quantization.scale.push_back(most > 0 ? most / 127.0F : 1.0F);
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
