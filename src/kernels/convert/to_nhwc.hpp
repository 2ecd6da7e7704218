// NCHW f32 -> NHWC of any type. Images of three channels (the input of every vision model) have a path of their own.
#pragma once

#include "kernels/simd/rows.hpp"
#include "kernels/simd/tile.hpp"

namespace tessera {
namespace {

/// Up to 16 pixels x 16 channels: turned in a tile, then stored pixel by pixel.
template <class Write>
TESSERA_INLINE void square_to_nhwc(const float* plane, std::int64_t plane_stride, int channels, int pixels,
                                   std::byte* y, std::int64_t pixel_stride, std::int64_t c, const Write& write) {
  Tile16 by_channel, by_pixel;
  for (int i = 0; i < 16; ++i)
    store_f32(by_channel.word[i], i < channels ? load_f32_partial(plane + i * plane_stride, pixels) : zero());
  transpose(by_channel, by_pixel);
  for (int p = 0; p < pixels; ++p) {
    const F32x16 x = load_f32(by_pixel.word[p]);
    if (channels == 16)
      write(y + p * pixel_stride, c, x, Whole{});
    else
      write(y + p * pixel_stride, c, x, First{channels});
  }
}

template <class Write>
void row_to_nhwc(const ToNhwcCall& call, const float* x, std::byte* y, const Write& write) {
  const std::int64_t plane = call.height * call.width;
  for (std::int64_t c = 0; c < call.channels; c += 16)
    for (std::int64_t w = 0; w < call.width; w += 16)
      square_to_nhwc(x + c * plane + w, plane, at_most_16(call.channels - c), at_most_16(call.width - w),
                     y + w * call.y.stride, call.y.stride, c, write);
}

/// Where the 48 bytes of 16 interleaved pixels come from: byte j of vector v is channel (16 v + j) % 3 of pixel (16 v +
/// j) / 3; a mask takes its channel's bytes and leaves zero (0x80) elsewhere.
struct InterleaveMasks {
  alignas(16) std::uint8_t of[3][3][16];  ///< [channel][vector][byte]
};
constexpr InterleaveMasks interleave_masks() {
  InterleaveMasks masks{};
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < 48; ++i) masks.of[c][i / 16][i % 16] = static_cast<std::uint8_t>(i % 3 == c ? i / 3 : 0x80);
  return masks;
}

/// Three vectors of bytes -> 16 pixels of three bytes.
TESSERA_INLINE void interleave(const __m128i (&channel)[3], std::byte* y) {
  static constexpr InterleaveMasks masks = interleave_masks();
  for (int v = 0; v < 3; ++v) {
    __m128i bytes = _mm_setzero_si128();
    for (int c = 0; c < 3; ++c) {
      const __m128i mask = _mm_load_si128(reinterpret_cast<const __m128i*>(masks.of[c][v]));
      bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(channel[c], mask));
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 16 * v), bytes);
  }
}

/// The same for wider elements, one by one from the stack.
template <class Element, class Vector>
TESSERA_INLINE void interleave(const Vector (&channel)[3], std::byte* y) {
  Element from[3][16], to[48];
  __builtin_memcpy(from, channel, sizeof from);
  for (int p = 0; p < 16; ++p)
    for (int c = 0; c < 3; ++c) to[3 * p + c] = from[c][p];
  __builtin_memcpy(y, to, sizeof to);
}

/// 16 dense pixels of three channels.
TESSERA_INLINE void rgb_to_nhwc(const F32x16 (&x)[3], DataType type, const DividingQuantizer& q, std::byte* y) {
  if (type == DataType::u8) {
    const __m128i bytes[3] = {f32_to_u8(x[0], q), f32_to_u8(x[1], q), f32_to_u8(x[2], q)};
    interleave(bytes, y);
  } else if (type == DataType::bf16) {
    const __m256i words[3] = {f32_to_bf16(x[0]), f32_to_bf16(x[1]), f32_to_bf16(x[2])};
    interleave<std::uint16_t>(words, y);
  } else {
    interleave<std::uint32_t>(x, y);
  }
}

void rgb_row_to_nhwc(const ToNhwcCall& call, const float* x, std::byte* y) {
  const DividingQuantizer q = dividing_quantizer(call.y.quantization);
  const std::int64_t plane = call.height * call.width;
  for_each_vector(call.width, [&](std::int64_t w, auto lanes) TESSERA_LAMBDA {
    const F32x16 rgb[3] = {load_f32(x + w, lanes), load_f32(x + plane + w, lanes), load_f32(x + 2 * plane + w, lanes)};
    std::byte* const target = y + w * call.y.stride;
    const std::int64_t left = call.width - w;
    if (left >= 16) return rgb_to_nhwc(rgb, call.y.type, q, target);
    std::byte whole[16 * 3 * sizeof(float)];
    rgb_to_nhwc(rgb, call.y.type, q, whole);
    __builtin_memcpy(target, whole, static_cast<std::size_t>(left * call.y.stride));
  });
}

void to_nhwc(const ToNhwcCall& call) {
  const int element = call.y.type == DataType::f32 ? 4 : call.y.type == DataType::bf16 ? 2 : 1;
  const bool dense_rgb = call.channels == 3 && call.y.stride == 3 * element;
  with_writer<Scaling::by_division>(call.y, [&](const auto& write) TESSERA_LAMBDA {
    for (std::int64_t h = call.first_row; h < call.last_row; ++h) {
      const float* const x = call.x + h * call.width;
      std::byte* const y = call.y.data + h * call.y_row_stride;
      dense_rgb ? rgb_row_to_nhwc(call, x, y) : row_to_nhwc(call, x, y, write);
    }
  });
}

}  // namespace
}  // namespace tessera
