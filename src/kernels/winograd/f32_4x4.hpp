// Winograd's minimal filtering F(4x4, 3x3): a tile of 4x4 outputs of a 3x3 convolution with 36 products a channel pair
// instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015). A tile of the input is
// transformed, multiplied element by element with the transformed weights (a matrix product over channels for each of
// the 36 elements), and transformed back.
//
// The points of the interpolation are 0, +-2/3, +-3/2 and infinity. With 2/3 * 3/2 = 1 most coefficients are 1, and
// rounding errors are half of those of the usual 0, +-1, +-2 (a twentieth in the worst element): about twice the error
// of the direct sum over 256 channels. Weights are transformed in double (weights.hpp).
#pragma once

#include "kernels/vector_kernels.hpp"
#include "kernels/winograd/pixels.hpp"
#include "kernels/winograd/weights.hpp"

namespace tessera {
namespace {

struct WinogradPoints {
  F32x16 a = set1(2.0F / 3.0F), b = set1(1.5F);
  F32x16 a2 = set1(4.0F / 9.0F), b2 = set1(2.25F), sum = set1(97.0F / 36.0F);  // sum = a2 + b2
  F32x16 a3 = set1(8.0F / 27.0F), b3 = set1(3.375F);
};

/// B^T x: the values of six samples as a polynomial, at the six points.
TESSERA_INLINE void transform_input(const WinogradPoints& p, const F32x16 (&x)[6], F32x16 (&y)[6]) {
  const F32x16 even_a = fnma(p.b2, x[2], x[4]), odd_a = fnma(p.b2, x[1], x[3]);
  const F32x16 even_b = fnma(p.a2, x[2], x[4]), odd_b = fnma(p.a2, x[1], x[3]);
  y[0] = fnma(p.sum, x[2], add(x[0], x[4]));
  y[1] = fma(p.a, odd_a, even_a);
  y[2] = fnma(p.a, odd_a, even_a);
  y[3] = fma(p.b, odd_b, even_b);
  y[4] = fnma(p.b, odd_b, even_b);
  y[5] = fnma(p.sum, x[3], add(x[1], x[5]));
}

/// A^T m: four outputs from six products.
TESSERA_INLINE void transform_output(const WinogradPoints& p, const F32x16 (&m)[6], F32x16 (&y)[4]) {
  const F32x16 even_a = add(m[1], m[2]), odd_a = sub(m[1], m[2]);
  const F32x16 even_b = add(m[3], m[4]), odd_b = sub(m[3], m[4]);
  y[0] = add(m[0], add(even_a, even_b));
  y[1] = fma(p.a, odd_a, mul(p.b, odd_b));
  y[2] = fma(p.a2, even_a, mul(p.b2, even_b));
  y[3] = add(m[5], fma(p.a3, odd_a, mul(p.b3, odd_b)));
}

template <DataType pixel>
void winograd_f32_input(const WinogradInputCall& call) {
  const WinogradPoints points;
  alignas(64) float columns_done[6][6][16];
  for (std::int64_t c = 0; c < call.channels; c += 16) {
    for (int j = 0; j < 6; ++j) {
      F32x16 x[6], y[6];
      for (int i = 0; i < 6; ++i) x[i] = load_pixels<pixel>(call.pixels[i * 6 + j], c);
      transform_input(points, x, y);
      for (int i = 0; i < 6; ++i) store_f32(columns_done[i][j], y[i]);
    }
    std::byte* v = call.v + c * 4;
    for (int i = 0; i < 6; ++i) {
      F32x16 x[6], y[6];
      for (int j = 0; j < 6; ++j) x[j] = load_f32(columns_done[i][j]);
      transform_input(points, x, y);
      for (int j = 0; j < 6; ++j, v += call.v_stride) store_f32(v, y[j]);
    }
  }
}

void winograd_f32_output(const WinogradOutputCall& call) {
  const WinogradPoints points;
  alignas(64) float columns_done[4][6][16];
  for (std::int64_t c = 0; c < call.channels; c += 16) {
    const std::byte* const m = call.m + c * 4;
    for (int j = 0; j < 6; ++j) {
      F32x16 x[6], y[4];
      for (int i = 0; i < 6; ++i) x[i] = load_f32(m + (i * 6 + j) * call.m_stride);
      transform_output(points, x, y);
      for (int i = 0; i < 4; ++i) store_f32(columns_done[i][j], y[i]);
    }
    std::byte* sums = call.sums + c * 4;
    for (int i = 0; i < 4; ++i) {
      F32x16 x[6], y[4];
      for (int j = 0; j < 6; ++j) x[j] = load_f32(columns_done[i][j]);
      transform_output(points, x, y);
      for (int j = 0; j < 4; ++j, sums += call.sums_stride) store_f32(sums, y[j]);
    }
  }
}

constexpr WinogradTransforms winograd_f32 = {4,
                                             DataType::f32,
                                             DataType::f32,
                                             winograd_f32_input<DataType::f32>,
                                             winograd_f32_output,
                                             winograd_weights<winograd::F32_4x4, float, float>};
constexpr WinogradTransforms winograd_bf16 = {4,
                                              DataType::bf16,
                                              DataType::f32,
                                              winograd_f32_input<DataType::bf16>,
                                              winograd_f32_output,
                                              winograd_weights<winograd::F32_4x4, float, float>};

}  // namespace
}  // namespace tessera
