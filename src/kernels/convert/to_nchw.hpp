// NHWC of any type -> NCHW f32.
#pragma once

#include "kernels/simd/rows.hpp"
#include "kernels/simd/tile.hpp"

namespace tessera {
namespace {

/// Up to 16 pixels x 16 channels from channel c on.
template <class Read>
TESSERA_INLINE void square_to_nchw(const std::byte* x, std::int64_t pixel_stride, std::int64_t c, int channels,
                                   int pixels, float* plane, std::int64_t plane_stride, const Read& read) {
  Tile16 by_pixel, by_channel;
  for (int p = 0; p < 16; ++p) {
    F32x16 row = zero();
    if (p < pixels) {
      const std::byte* const pixel = x + p * pixel_stride;
      row = channels == 16 ? read(pixel, c, Whole{}) : read(pixel, c, First{channels});
    }
    store_f32(by_pixel.word[p], row);
  }
  transpose(by_pixel, by_channel);
  for (int i = 0; i < channels; ++i) store_f32_partial(plane + i * plane_stride, load_f32(by_channel.word[i]), pixels);
}

void to_nchw(const ToNchwCall& call) {
  const std::int64_t plane = call.height * call.width;
  with_reader(call.x, [&](const auto& read) TESSERA_LAMBDA {
    for (std::int64_t h = call.first_row; h < call.last_row; ++h)
      for (std::int64_t c = 0; c < call.channels; c += 16)
        for (std::int64_t w = 0; w < call.width; w += 16)
          square_to_nchw(call.x.data + h * call.x_row_stride + w * call.x.stride, call.x.stride, c,
                         at_most_16(call.channels - c), at_most_16(call.width - w),
                         call.y + c * plane + h * call.width + w, plane, read);
  });
}

}  // namespace
}  // namespace tessera
