// How DynamicQuantizeLinear chooses integers: its definition (ops) and the step that runs it fast (run) agree here.
#pragma once

#include <cstdint>

namespace tessera {

/// real = scale * (q - zero_point), q of u8.
struct DynamicScale {
  float scale = 1.0F;
  std::uint8_t zero_point = 0;
};

/// For elements from `low` <= 0 to `high` >= 0; the scale is NaN where the range is.
DynamicScale dynamic_scale(float low, float high) noexcept;

}  // namespace tessera
