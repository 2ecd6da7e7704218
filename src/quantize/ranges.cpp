#include "quantize/ranges.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"

namespace tessera {
namespace {

/// Minimum and maximum; Error naming the activation when one element is not a finite number.
ActivationRange extremes_of(const std::string& name, std::span<const float> elements) {
  float low = elements[0], high = elements[0], poison = 0.0F;
  for (const float x : elements) {
    low = std::min(low, x);
    high = std::max(high, x);
    poison += x * 0.0F;  // NaN as soon as one element is NaN or infinite
  }
  if (std::isnan(poison))
    reject("calibration", "activation " + name + " holds NaN or infinity", "check the calibration data and the model");
  return {low, high, static_cast<std::int64_t>(elements.size())};
}

}  // namespace

void ChannelStatistics::add(const Tensor& tensor, std::size_t axis) {
  const Shape& shape = tensor.shape();
  const auto channels = static_cast<std::size_t>(shape[axis]);
  const auto inner = static_cast<std::size_t>(shape.product(axis + 1, shape.rank()));
  sum.resize(channels);
  largest.resize(channels);
  const auto elements = tensor.as<float>();
  for (std::size_t begin = 0; begin < elements.size();) {
    for (std::size_t c = 0; c < channels; ++c, begin += inner) {
      for (std::size_t i = begin; i < begin + inner; ++i) {
        sum[c] += static_cast<double>(elements[i]);
        largest[c] = std::max(largest[c], std::fabs(elements[i]));
      }
    }
  }
  count += static_cast<std::int64_t>(elements.size() / channels);
}

void RangeObserver::observe(const std::string& name, const Tensor& tensor, int channel_axis) {
  const auto elements = tensor.as<float>();
  if (elements.empty()) return;
  const ActivationRange item = extremes_of(name, elements);
  Seen& seen = seen_[name];
  if (seen.observer == nullptr) {
    CalibrationOptions options = options_;
    if (const auto method = methods_.find(name); method != methods_.end()) options.method = method->second;
    seen.observer = make_observer(options);
    seen.extremes = item;
  }
  seen.extremes.low = std::min(seen.extremes.low, item.low);
  seen.extremes.high = std::max(seen.extremes.high, item.high);
  seen.observer->add(elements, item.low, item.high);
  if (channel_axis >= 0) seen.channels.add(tensor, static_cast<std::size_t>(channel_axis));
}

ActivationRange RangeObserver::of(const std::string& name) const {
  const auto found = seen_.find(name);
  if (found == seen_.end()) fail("calibration", "activation " + name + " was never observed");
  return found->second.observer->range();
}

const ChannelStatistics* RangeObserver::channels(const std::string& name) const {
  const auto found = seen_.find(name);
  return found == seen_.end() || found->second.channels.count == 0 ? nullptr : &found->second.channels;
}

std::vector<std::string> RangeObserver::warnings() const {
  std::vector<std::string> warnings;
  for (const auto& [name, seen] : seen_)
    if (seen.extremes.low == seen.extremes.high)
      warnings.push_back("activation " + name + " is " + std::to_string(seen.extremes.low) +
                         " everywhere in the calibration data; what differs from it will be clipped");
  return warnings;
}

Quantization activation_quantization(const ActivationRange& interval) {
  const float low = std::min(0.0F, interval.low), high = std::max(0.0F, interval.high);
  float scale = high > low ? static_cast<float>((static_cast<double>(high) - static_cast<double>(low)) / 255.0) : 1.0F;
  // Below this 1 / scale is infinite.
  if (scale < std::numeric_limits<float>::min()) scale = std::numeric_limits<float>::min();
  const auto zero = static_cast<std::int32_t>(std::lround(-low / scale));
  return {{scale}, {std::clamp(zero, 0, 255)}, -1};
}

}  // namespace tessera
