// Winograd's F(2x2, 3x3) on integers, exactly: a tile of 2x2 outputs with 16 products a channel pair instead of 36.
//
// The input transform of u8 pixels gives at most 4 * 255, the weights transformed with twice the matrix G at most
// 9 * 127: both fit s16, and their products summed over channels fit s32. The output transform is then four times the
// direct sum, which itself is below 2^29 for 3600 channels; additions wrap modulo 2^32 and the result is exact, so the
// division by four is a shift and every bit is that of the direct convolution.
#pragma once

#include "kernels/simd/words.hpp"
#include "kernels/vector_kernels.hpp"
#include "kernels/winograd/weights.hpp"

namespace tessera {
namespace {

TESSERA_INLINE void transform_input(const Words16 (&x)[4], Words16 (&y)[4]) {
  y[0] = sub(x[0], x[2]);
  y[1] = add(x[1], x[2]);
  y[2] = sub(x[2], x[1]);
  y[3] = sub(x[1], x[3]);
}

TESSERA_INLINE void transform_output(const S32x16 (&m)[4], S32x16 (&y)[2]) {
  y[0] = add(add(m[0], m[1]), m[2]);
  y[1] = sub(sub(m[1], m[2]), m[3]);
}

void winograd_int8_small_input(const WinogradInputCall& call) {
  for (std::int64_t c = 0; c < call.channels; c += 16) {
    Words16 half[4][4];  // [column][row]
    for (int j = 0; j < 4; ++j) {
      Words16 x[4];
      for (int i = 0; i < 4; ++i) x[i] = Words16::from_bytes(call.pixels[i * 4 + j] + c);
      transform_input(x, half[j]);
    }
    std::byte* v = call.v + c * 2;
    for (int i = 0; i < 4; ++i) {
      const Words16 x[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
      Words16 y[4];
      transform_input(x, y);
      for (int j = 0; j < 4; ++j, v += call.v_stride) y[j].store(v);
    }
  }
}

void winograd_int8_small_output(const WinogradOutputCall& call) {
  for (std::int64_t c = 0; c < call.channels; c += 16) {
    const std::byte* const m = call.m + c * 4;
    S32x16 half[4][2];  // [column][row]
    for (int j = 0; j < 4; ++j) {
      S32x16 x[4];
      for (int i = 0; i < 4; ++i) x[i] = load_s32(m + (i * 4 + j) * call.m_stride);
      transform_output(x, half[j]);
    }
    std::byte* sums = call.sums + c * 4;
    for (int i = 0; i < 2; ++i) {
      const S32x16 x[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
      S32x16 y[2];
      transform_output(x, y);
      for (int j = 0; j < 2; ++j, sums += call.sums_stride) store_s32(sums, shift_right<2>(y[j]));
    }
  }
}

constexpr WinogradTransforms winograd_int8_small = {2,
                                                    DataType::u8,
                                                    DataType::s16,
                                                    winograd_int8_small_input,
                                                    winograd_int8_small_output,
                                                    winograd_weights<winograd::Int8_2x2, std::int8_t, std::int16_t>};

}  // namespace
}  // namespace tessera
