// See depthwise.hpp for what is computed. Sums of up to 32 pixels and 16 channels go through a tile in L1 to the
// epilogue that matrix products have (brgemm/epilogue.hpp).
#pragma once

#include "kernels/brgemm/epilogue.hpp"
#include "kernels/depthwise/depthwise.hpp"
#include "kernels/depthwise/sliding.hpp"
#include "kernels/simd/byte_pairs.hpp"
#include "kernels/simd/spread.hpp"

namespace tessera {
namespace {

/// Pixels whose sums are in registers together: enough chains for the latency of a multiply-add.
constexpr int depthwise_strip = 4;
constexpr int depthwise_piece = 32;  ///< pixels of a tile

/// Sums of `pixels` pixels and 16 channels, of floats. x: the first channel in the first window; w: of these channels.
template <DataType type>
struct DepthwiseFloats {
  static constexpr Sums sums = Sums::f32;
  static constexpr int size = type == DataType::f32 ? 4 : 2;

  TESSERA_MEMBER static F32x16 load(const std::byte* x) {
    if constexpr (type == DataType::f32) return load_f32(x);
    return load_bf16(x);
  }

  template <int pixels>
  TESSERA_MEMBER static void sum(const DepthwiseCall& call, const std::byte* x, const std::byte* w, std::byte* tile) {
    F32x16 total[pixels];
    for (int p = 0; p < pixels; ++p) total[p] = zero();
    for (int t = 0; t < call.tap_count; ++t) {
      const std::byte* const tap = x + call.taps[t];
      if (call.group == 1) {
        const F32x16 weight = load_f32(w);
        for (int p = 0; p < pixels; ++p) total[p] = fma(load(tap + p * call.x_step), weight, total[p]);
        w += 64;
        continue;
      }
      for (int j = 0; j < call.group; ++j, w += 64) {
        const F32x16 weight = load_f32(w);
        const S32x16 lanes = lanes_of_group(call.group, j);
        for (int p = 0; p < pixels; ++p) total[p] = fma(spread(load(tap + p * call.x_step), lanes), weight, total[p]);
      }
    }
    for (int p = 0; p < pixels; ++p) store_f32(tile + 64 * p, total[p]);
  }
};

/// The same of bytes.
struct DepthwiseBytes {
  static constexpr Sums sums = Sums::s32;
  static constexpr int size = 1;

  template <int pixels>
  TESSERA_MEMBER static void sum(const DepthwiseCall& call, const std::byte* x, const std::byte* w, std::byte* tile) {
    S32x16 total[pixels];
    for (int p = 0; p < pixels; ++p) total[p] = set1_s32(0);
    if (call.group == 1)
      sum_taps<pixels>(call, x, w, total);
    else
      sum_groups<pixels>(call, x, w, total);
    for (int p = 0; p < pixels; ++p) store_s32(tile + 64 * p, total[p]);
  }

 private:
  template <int pixels>
  TESSERA_MEMBER static void sum_taps(const DepthwiseCall& call, const std::byte* x, const std::byte* w,
                                      S32x16 (&total)[pixels]) {
    for (int t = 0; t < call.tap_count; t += 2, w += 64) {
      const std::byte* const first = x + call.taps[t];
      // Behind an odd number of taps the last one meets weights of 0.
      const std::byte* const second = x + call.taps[t + 1 < call.tap_count ? t + 1 : t];
      for (int p = 0; p < pixels; ++p)
        total[p] = multiply_add(interleaved(load_16x8(first + p * call.x_step), load_16x8(second + p * call.x_step)), w,
                                total[p]);
    }
  }

  template <int pixels>
  TESSERA_MEMBER static void sum_groups(const DepthwiseCall& call, const std::byte* x, const std::byte* w,
                                        S32x16 (&total)[pixels]) {
    for (int t = 0; t < call.tap_count; ++t) {
      const std::byte* const tap = x + call.taps[t];
      for (int j = 0; j < call.group; j += 2, w += 64) {
        const __m128i lower = bytes_of_group(call.group, j, 0), upper = bytes_of_group(call.group, j, 8);
        for (int p = 0; p < pixels; ++p) {
          const __m128i bytes = load_16x8(tap + p * call.x_step);
          total[p] =
              multiply_add(byte_pairs(_mm_shuffle_epi8(bytes, lower), _mm_shuffle_epi8(bytes, upper)), w, total[p]);
        }
      }
    }
  }

  /// Lanes j and j + 1 of the group of each of 8 channels from `first` on.
  TESSERA_MEMBER static __m128i bytes_of_group(int group, int j, int first) {
    alignas(16) std::int8_t index[16];
    for (int i = 0; i < 16; ++i) index[i] = static_cast<std::int8_t>((first + i / 2) / group * group + j + i % 2);
    return load_16x8(index);
  }
};

/// Sums of `pixels` pixels from one on, a strip at a time; the last strip may repeat pixels of the one before it.
template <class Products>
TESSERA_INLINE void sum_piece(const DepthwiseCall& call, const std::byte* x, const std::byte* w, int pixels,
                              std::byte* tile) {
  if (pixels < depthwise_strip) {
    for (int p = 0; p < pixels; ++p) Products::template sum<1>(call, x + p * call.x_step, w, tile + 64 * p);
    return;
  }
  for (int p = 0; p < pixels; p += depthwise_strip) {
    const int at = p + depthwise_strip <= pixels ? p : pixels - depthwise_strip;
    Products::template sum<depthwise_strip>(call, x + at * call.x_step, w, tile + 64 * at);
  }
}

template <class Products>
void depthwise_row(const DepthwiseCall& call) {
  alignas(64) std::byte tile[depthwise_piece * 64];
  std::byte* y[depthwise_piece];
  const std::byte* residual[depthwise_piece];
  Epilogue epilogue = *call.epilogue;
  epilogue.residual_rows = call.residual == nullptr ? nullptr : residual;
  const FinishRows finish = finish_for<Products::sums, depthwise_lanes>(epilogue);
  const std::int64_t products = std::int64_t{call.tap_count} * call.group;
  const std::int64_t block_bytes = (Products::sums == Sums::s32 ? (products + 1) / 2 : products) * 64;
  BrgemmBlock block;
  block.c_rows = y;
  block.epilogue = &epilogue;
  for (std::int64_t first = 0; first < call.pixels; first += depthwise_piece) {
    const auto pixels = static_cast<int>(call.pixels - first < depthwise_piece ? call.pixels - first : depthwise_piece);
    for (int p = 0; p < pixels; ++p) {
      y[p] = call.y + (first + p) * call.y_step;
      residual[p] = call.residual == nullptr ? nullptr : call.residual + (first + p) * call.residual_step;
    }
    block.m = pixels;
    const std::byte* w = call.weights;
    for (std::int64_t c = 0; c < call.channels; c += depthwise_lanes, w += block_bytes) {
      sum_piece<Products>(call, call.x + first * call.x_step + c * Products::size, w, pixels, tile);
      block.n0 = static_cast<int>(c);
      block.n = static_cast<int>(call.channels - c < depthwise_lanes ? call.channels - c : depthwise_lanes);
      finish(block, 0, pixels, tile);
    }
  }
}

void depthwise(const DepthwiseCall& call) {
  if (slide_over_row(call)) return;
  switch (call.type) {
    case DataType::u8: return depthwise_row<DepthwiseBytes>(call);
    case DataType::bf16: return depthwise_row<DepthwiseFloats<DataType::bf16>>(call);
    default: return depthwise_row<DepthwiseFloats<DataType::f32>>(call);
  }
}

}  // namespace
}  // namespace tessera
