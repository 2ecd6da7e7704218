// Activations in integers whose scales are chosen when the plan runs.
#pragma once

#include <cstdint>

#include "run/image.hpp"

namespace tessera {

/// Rows of a float matrix in integers: real = scale[row] * (q - 128).
struct QuantizedRows {
  RowsPlace rows;
  BufferId scales = no_buffer;
  static constexpr std::int32_t zero_point = 128;
};

/// A float image in integers as DynamicQuantizeLinear makes them; `parameters` is the Dequantize of this run.
struct QuantizedImage {
  Image image;
  BufferId parameters = no_buffer;
};

}  // namespace tessera
