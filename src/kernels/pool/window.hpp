// Where the window of an output pixel lies in the image, and the walk over output pixels, for both kinds of pooling.
#pragma once

#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

/// The clipped window of one output pixel.
struct PoolWindow {
  const std::byte* data;  ///< its first pixel
  std::int64_t height, width;
  std::int64_t pixel_stride, row_stride;  ///< bytes

  /// Calls body(pixel) from the upper left to the lower right.
  template <class Body>
  TESSERA_MEMBER void for_each_pixel(const Body& body) const {
    for (std::int64_t h = 0; h < height; ++h)
      for (std::int64_t w = 0; w < width; ++w) body(data + h * row_stride + w * pixel_stride);
  }
};

TESSERA_INLINE std::int64_t clamp_to(std::int64_t x, std::int64_t low, std::int64_t high) {
  return x < low ? low : x > high ? high : x;
}

/// Calls body(window, output pixel) for the output rows of the call.
template <class Body>
TESSERA_INLINE void for_each_window(const PoolCall& call, const Body& body) {
  for (std::int64_t oh = call.first_row; oh < call.last_row; ++oh) {
    const std::int64_t top = oh * call.stride_h - call.pad_top;
    const std::int64_t h0 = clamp_to(top, 0, call.height), h1 = clamp_to(top + call.kernel_h, 0, call.height);
    for (std::int64_t ow = 0; ow < call.out_width; ++ow) {
      const std::int64_t left = ow * call.stride_w - call.pad_left;
      const std::int64_t w0 = clamp_to(left, 0, call.width), w1 = clamp_to(left + call.kernel_w, 0, call.width);
      const PoolWindow window{call.x.data + h0 * call.x_row_stride + w0 * call.x.stride, h1 - h0, w1 - w0,
                              call.x.stride, call.x_row_stride};
      body(window, call.y.data + oh * call.y_row_stride + ow * call.y.stride);
    }
  }
}

}  // namespace
}  // namespace tessera
