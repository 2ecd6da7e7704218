#include "core/dynamic_scale.hpp"

#include <algorithm>
#include <cmath>

namespace tessera {

DynamicScale dynamic_scale(float low, float high) noexcept {
  if (low == high) return {};  // zeros
  const float scale = (high - low) / 255.0F;
  const float zero_point = std::nearbyint(-low / scale);
  return {scale, static_cast<std::uint8_t>(zero_point > 0.0F ? std::min(zero_point, 255.0F) : 0.0F)};  // NaN gives 0
}

}  // namespace tessera
