// Winograd's F(2x2, 3x3) in f32, for images too small for F(4x4): 16 products a channel pair instead of 36, and
// transformed weights of 16/9 of the size of the direct ones instead of four times. Additions only; errors are those of
// the direct sum.
#pragma once

#include "kernels/vector_kernels.hpp"
#include "kernels/winograd/pixels.hpp"
#include "kernels/winograd/weights.hpp"

namespace tessera {
namespace {

TESSERA_INLINE void transform_input(const F32x16 (&x)[4], F32x16 (&y)[4]) {
  y[0] = sub(x[0], x[2]);
  y[1] = add(x[1], x[2]);
  y[2] = sub(x[2], x[1]);
  y[3] = sub(x[1], x[3]);
}

TESSERA_INLINE void transform_output(const F32x16 (&m)[4], F32x16 (&y)[2]) {
  y[0] = add(m[0], add(m[1], m[2]));
  y[1] = sub(sub(m[1], m[2]), m[3]);
}

template <DataType pixel>
void winograd_f32_small_input(const WinogradInputCall& call) {
  for (std::int64_t c = 0; c < call.channels; c += 16) {
    F32x16 half[4][4];  // [column][row]
    for (int j = 0; j < 4; ++j) {
      F32x16 x[4];
      for (int i = 0; i < 4; ++i) x[i] = load_pixels<pixel>(call.pixels[i * 4 + j], c);
      transform_input(x, half[j]);
    }
    std::byte* v = call.v + c * 4;
    for (int i = 0; i < 4; ++i) {
      const F32x16 x[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
      F32x16 y[4];
      transform_input(x, y);
      for (int j = 0; j < 4; ++j, v += call.v_stride) store_f32(v, y[j]);
    }
  }
}

void winograd_f32_small_output(const WinogradOutputCall& call) {
  for (std::int64_t c = 0; c < call.channels; c += 16) {
    const std::byte* const m = call.m + c * 4;
    F32x16 half[4][2];  // [column][row]
    for (int j = 0; j < 4; ++j) {
      F32x16 x[4];
      for (int i = 0; i < 4; ++i) x[i] = load_f32(m + (i * 4 + j) * call.m_stride);
      transform_output(x, half[j]);
    }
    std::byte* sums = call.sums + c * 4;
    for (int i = 0; i < 2; ++i) {
      const F32x16 x[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
      F32x16 y[2];
      transform_output(x, y);
      for (int j = 0; j < 2; ++j, sums += call.sums_stride) store_f32(sums, y[j]);
    }
  }
}

constexpr WinogradTransforms winograd_f32_small = {2,
                                                   DataType::f32,
                                                   DataType::f32,
                                                   winograd_f32_small_input<DataType::f32>,
                                                   winograd_f32_small_output,
                                                   winograd_weights<winograd::F32_2x2, float, float>};
constexpr WinogradTransforms winograd_bf16_small = {2,
                                                    DataType::bf16,
                                                    DataType::f32,
                                                    winograd_f32_small_input<DataType::bf16>,
                                                    winograd_f32_small_output,
                                                    winograd_weights<winograd::F32_2x2, float, float>};

}  // namespace
}  // namespace tessera
