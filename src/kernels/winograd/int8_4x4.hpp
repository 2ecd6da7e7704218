// Winograd's F(4x4, 3x3) on integers, exactly: a tile of 4x4 outputs with 36 products a channel pair instead of 144.
//
// The points are 0, +-1, +-2, infinity, and the rows of G are multiplied until they are whole: (6 0 0), (1 +-1 1),
// (1 +-2 4), (0 0 6). u8 pixels become at most 17340 in magnitude and weights at most 49 * 128, so both fit s16. The
// output transform takes the factors back, as far as it can in whole numbers: output i of a column of products is
// 24, 12, 6 or 6 times the true one, output (i, j) of a tile 9 * 2^n times the direct sum with n from 2 to 6. All
// sums wrap modulo 2^32, where 9 has an inverse: times that, the direct sum is left, shifted by n bits. Shifted back it
// is exact if it was below 2^25 in magnitude, for which the weights are looked at beforehand
// (compile/product/winograd_weights).
#pragma once

#include "kernels/simd/words.hpp"
#include "kernels/vector_kernels.hpp"
#include "kernels/winograd/weights.hpp"

namespace tessera {
namespace {

/// B^T x of words.
template <class Words>
TESSERA_INLINE void transform_input(const Words (&x)[6], Words (&y)[6]) {
  const Words even_1 = sub(x[4], shift_left<2>(x[2])), odd_1 = sub(x[3], shift_left<2>(x[1]));
  const Words even_2 = sub(x[4], x[2]), odd_2 = shift_left<1>(sub(x[3], x[1]));
  y[0] = add(even_2, shift_left<2>(sub(x[0], x[2])));
  y[1] = add(even_1, odd_1);
  y[2] = sub(even_1, odd_1);
  y[3] = add(even_2, odd_2);
  y[4] = sub(even_2, odd_2);
  y[5] = sub(sub(x[5], x[3]), shift_left<1>(odd_2));
}

/// 24, 12, 6 and 6 times four outputs from six products.
TESSERA_INLINE void transform_output(const S32x16 (&m)[6], S32x16 (&y)[4]) {
  const S32x16 even_1 = add(m[1], m[2]), odd_1 = sub(m[1], m[2]);
  const S32x16 even_2 = add(m[3], m[4]), odd_2 = sub(m[3], m[4]);
  y[0] = add(sub(m[0], shift_left<2>(even_1)), even_2);
  y[1] = sub(odd_2, shift_left<1>(odd_1));
  y[2] = sub(even_2, even_1);
  y[3] = add(sub(shift_left<1>(odd_2), odd_1), m[5]);
}

/// As many channels from c on as Words holds.
template <class Words>
TESSERA_INLINE void transform_input_channels(const WinogradInputCall& call, std::int64_t c) {
  alignas(64) std::int16_t columns_done[6][6][Words::lanes];
  for (int j = 0; j < 6; ++j) {
    Words x[6], y[6];
    for (int i = 0; i < 6; ++i) x[i] = Words::from_bytes(call.pixels[i * 6 + j] + c);
    transform_input(x, y);
    for (int i = 0; i < 6; ++i) y[i].store(columns_done[i][j]);
  }
  std::byte* v = call.v + c * 2;
  for (int i = 0; i < 6; ++i) {
    Words x[6], y[6];
    for (int j = 0; j < 6; ++j) x[j] = Words::load(columns_done[i][j]);
    transform_input(x, y);
    for (int j = 0; j < 6; ++j, v += call.v_stride) y[j].store(v);
  }
}

void winograd_int8_input(const WinogradInputCall& call) {
  std::int64_t c = 0;
  for (; c + WidestWords::lanes <= call.channels; c += WidestWords::lanes)
    transform_input_channels<WidestWords>(call, c);
  for (; c < call.channels; c += Words16::lanes) transform_input_channels<Words16>(call, c);
}

/// Output (i, j) of a tile from what the transform makes of it.
template <int i>
TESSERA_INLINE void store_sums(const S32x16 (&y)[4], std::byte* sums, std::int64_t stride) {
  constexpr int row = i == 0 ? 3 : i == 1 ? 2 : 1;  // of 24, 12 and 6: what is left of two in them
  const S32x16 inverse_of_9 = set1_s32(0x38e38e39);
  store_s32(sums, shift_right<row + 3>(mul(y[0], inverse_of_9)));
  store_s32(sums + stride, shift_right<row + 2>(mul(y[1], inverse_of_9)));
  store_s32(sums + 2 * stride, shift_right<row + 1>(mul(y[2], inverse_of_9)));
  store_s32(sums + 3 * stride, shift_right<row + 1>(mul(y[3], inverse_of_9)));
}

template <int i>
TESSERA_INLINE void finish_output_row(const std::int32_t (&columns_done)[6][16], std::byte* sums, std::int64_t stride) {
  S32x16 x[6], y[4];
  for (int j = 0; j < 6; ++j) x[j] = load_s32(columns_done[j]);
  transform_output(x, y);
  store_sums<i>(y, sums, stride);
}

void winograd_int8_output(const WinogradOutputCall& call) {
  alignas(64) std::int32_t columns_done[4][6][16];
  for (std::int64_t c = 0; c < call.channels; c += 16) {
    const std::byte* const m = call.m + c * 4;
    for (int j = 0; j < 6; ++j) {
      S32x16 x[6], y[4];
      for (int i = 0; i < 6; ++i) x[i] = load_s32(m + (i * 6 + j) * call.m_stride);
      transform_output(x, y);
      for (int i = 0; i < 4; ++i) store_s32(columns_done[i][j], y[i]);
    }
    std::byte* const sums = call.sums + c * 4;
    const std::int64_t stride = call.sums_stride;
    finish_output_row<0>(columns_done[0], sums, stride);
    finish_output_row<1>(columns_done[1], sums + 4 * stride, stride);
    finish_output_row<2>(columns_done[2], sums + 8 * stride, stride);
    finish_output_row<3>(columns_done[3], sums + 12 * stride, stride);
  }
}

/// G g of words.
template <class Words>
TESSERA_INLINE void transform_taps(const Words (&g)[3], Words (&y)[6]) {
  const auto six_times = [](Words x) TESSERA_LAMBDA { return shift_left<1>(add(x, shift_left<1>(x))); };
  const Words even_1 = add(g[0], g[2]), even_2 = add(g[0], shift_left<2>(g[2])), odd_2 = shift_left<1>(g[1]);
  y[0] = six_times(g[0]);
  y[1] = add(even_1, g[1]);
  y[2] = sub(even_1, g[1]);
  y[3] = add(even_2, odd_2);
  y[4] = sub(even_2, odd_2);
  y[5] = six_times(g[2]);
}

void winograd_int8_taps(const WinogradTapsCall& call) {
  constexpr int lanes = WidestWords::lanes;
  const std::byte* from = call.taps;
  std::byte* to = call.transformed;
  for (std::int64_t group = 0; group < call.groups; ++group, from += 9 * call.lanes, to += 2 * call.lanes) {
    for (std::int64_t lane = 0; lane < call.lanes; lane += lanes) {
      WidestWords columns_done[6][3];
      for (int j = 0; j < 3; ++j) {
        WidestWords g[3], y[6];
        for (int i = 0; i < 3; ++i) g[i] = WidestWords::from_signed_bytes(from + (i * 3 + j) * call.lanes + lane);
        transform_taps(g, y);
        for (int i = 0; i < 6; ++i) columns_done[i][j] = y[i];
      }
      std::byte* matrix = to + lane * 2;
      for (int i = 0; i < 6; ++i) {
        WidestWords y[6];
        transform_taps(columns_done[i], y);
        for (int j = 0; j < 6; ++j, matrix += call.stride) y[j].store(matrix);
      }
    }
  }
}

constexpr WinogradTransforms winograd_int8 = {4,
                                              DataType::u8,
                                              DataType::s16,
                                              winograd_int8_input,
                                              winograd_int8_output,
                                              winograd_weights<winograd::Int8_4x4, std::int8_t, std::int16_t>,
                                              1,
                                              nullptr,
                                              winograd_int8_taps};

}  // namespace
}  // namespace tessera
