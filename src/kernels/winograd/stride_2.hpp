// Winograd's F(2x2, 3x3) for convolutions of stride 2: 25 products a channel pair instead of 36. In one dimension even
// pixels meet the first and the last tap only, which is F(2, 2) with three products instead of four, and odd pixels the
// middle one. Nothing but additions, and no divisor: floats keep the errors of the direct sum; integers are exact
// (pixels become at most 2 * 255 in magnitude, weights at most 4 * 128, and sums wrap modulo 2^32).
//
// Both odd pixels of a tile have the same weights. Elements that share a matrix of weights follow each other.
#pragma once

#include "kernels/simd/words.hpp"
#include "kernels/vector_kernels.hpp"
#include "kernels/winograd/pixels.hpp"
#include "kernels/winograd/weights.hpp"

namespace tessera {
namespace {

/// The matrix of each element, and where element (i, j) stands: Stride2_2x2 in matrices.hpp.
constexpr std::uint8_t stride_2_matrices[] = {0,  1,  2,  3,  3,  4,  5,  6,  7,  7,  8,  9, 10,
                                              11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 15};
constexpr int stride_2_position(int i, int j) {
  if (i < 3) return 5 * i + j;
  return j < 3 ? 15 + 2 * j + i - 3 : 21 + 2 * (i - 3) + j - 3;
}

template <class X>
TESSERA_INLINE void transform_stride_2_input(const X (&x)[5], X (&y)[5]) {
  y[0] = sub(x[0], x[2]);
  y[1] = x[2];
  y[2] = sub(x[4], x[2]);
  y[3] = x[1];
  y[4] = x[3];
}

template <class X>
TESSERA_INLINE void transform_stride_2_output(const X (&m)[5], X (&y)[2]) {
  y[0] = add(add(m[0], m[1]), m[3]);
  y[1] = add(add(m[1], m[2]), m[4]);
}

/// One vector of channels: load(i, j) of a pixel, store(e, x) of an element.
template <class X, class Load, class Store>
TESSERA_INLINE void stride_2_input(Load load, Store store) {
  X half[5][5];  // [column][row]
  for (int j = 0; j < 5; ++j) {
    X x[5];
    for (int i = 0; i < 5; ++i) x[i] = load(i, j);
    transform_stride_2_input(x, half[j]);
  }
  for (int i = 0; i < 5; ++i) {
    const X x[5] = {half[0][i], half[1][i], half[2][i], half[3][i], half[4][i]};
    X y[5];
    transform_stride_2_input(x, y);
    for (int j = 0; j < 5; ++j) store(stride_2_position(i, j), y[j]);
  }
}

/// load(e) of an element's products, store(y, x) of an output pixel.
template <class X, class Load, class Store>
TESSERA_INLINE void stride_2_output(Load load, Store store) {
  X half[5][2];  // [column][row]
  for (int j = 0; j < 5; ++j) {
    X x[5];
    for (int i = 0; i < 5; ++i) x[i] = load(stride_2_position(i, j));
    transform_stride_2_output(x, half[j]);
  }
  for (int i = 0; i < 2; ++i) {
    const X x[5] = {half[0][i], half[1][i], half[2][i], half[3][i], half[4][i]};
    X y[2];
    transform_stride_2_output(x, y);
    for (int j = 0; j < 2; ++j) store(2 * i + j, y[j]);
  }
}

template <DataType pixel>
void winograd_f32_stride_2_input(const WinogradInputCall& call) {
  for (std::int64_t c = 0; c < call.channels; c += 16)
    stride_2_input<F32x16>([&](int i, int j) TESSERA_LAMBDA { return load_pixels<pixel>(call.pixels[5 * i + j], c); },
                           [&](int e, F32x16 x) TESSERA_LAMBDA { store_f32(call.v + e * call.v_stride + c * 4, x); });
}

void winograd_f32_stride_2_output(const WinogradOutputCall& call) {
  for (std::int64_t c = 0; c < call.channels; c += 16)
    stride_2_output<F32x16>([&](int e) TESSERA_LAMBDA { return load_f32(call.m + e * call.m_stride + c * 4); },
                            [&](int y, F32x16 x)
                                TESSERA_LAMBDA { store_f32(call.sums + y * call.sums_stride + c * 4, x); });
}

void winograd_int8_stride_2_input(const WinogradInputCall& call) {
  for (std::int64_t c = 0; c < call.channels; c += 16)
    stride_2_input<Words16>([&](int i, int j)
                                TESSERA_LAMBDA { return Words16::from_bytes(call.pixels[5 * i + j] + c); },
                            [&](int e, Words16 x) TESSERA_LAMBDA { x.store(call.v + e * call.v_stride + c * 2); });
}

void winograd_int8_stride_2_output(const WinogradOutputCall& call) {
  for (std::int64_t c = 0; c < call.channels; c += 16)
    stride_2_output<S32x16>([&](int e) TESSERA_LAMBDA { return load_s32(call.m + e * call.m_stride + c * 4); },
                            [&](int y, S32x16 x)
                                TESSERA_LAMBDA { store_s32(call.sums + y * call.sums_stride + c * 4, x); });
}

constexpr WinogradTransforms winograd_f32_stride_2 = {2,
                                                      DataType::f32,
                                                      DataType::f32,
                                                      winograd_f32_stride_2_input<DataType::f32>,
                                                      winograd_f32_stride_2_output,
                                                      winograd_weights<winograd::Stride2_2x2, float, float>,
                                                      2,
                                                      stride_2_matrices};
constexpr WinogradTransforms winograd_bf16_stride_2 = {2,
                                                       DataType::bf16,
                                                       DataType::f32,
                                                       winograd_f32_stride_2_input<DataType::bf16>,
                                                       winograd_f32_stride_2_output,
                                                       winograd_weights<winograd::Stride2_2x2, float, float>,
                                                       2,
                                                       stride_2_matrices};
constexpr WinogradTransforms winograd_int8_stride_2 = {
    2,
    DataType::u8,
    DataType::s16,
    winograd_int8_stride_2_input,
    winograd_int8_stride_2_output,
    winograd_weights<winograd::Stride2_2x2, std::int8_t, std::int16_t>,
    2,
    stride_2_matrices};

}  // namespace
}  // namespace tessera
