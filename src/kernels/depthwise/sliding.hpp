// Depthwise convolutions of f32 whose taps lie side by side, 3, 5 or 7 in a row, at stride 1 or 2: what windows of
// neighbouring pixels share is loaded once, and sums go from registers through the epilogue to y. The same chains of
// multiply-adds as in multiply.hpp, so the same bits.
#pragma once

#include "kernels/brgemm/epilogue.hpp"
#include "kernels/depthwise/depthwise.hpp"

namespace tessera {
namespace {

/// Pixels whose sums are in registers together.
#if defined(__AVX512F__)
constexpr int most_sliding_pixels = 8;
#else
constexpr int most_sliding_pixels = 4;
#endif
static_assert(most_sliding_pixels <= transcendental_rows);

/// 16 channels, with all that is the same for every pixel.
struct SlidingColumns {
  const Epilogue& e;
  int lanes;
  F32x16 bias, floor, ceiling;

  [[gnu::always_inline]] SlidingColumns(const Epilogue& epilogue, std::int64_t channel, std::int64_t channels)
      : e(epilogue),
        lanes(static_cast<int>(channels - channel < 16 ? channels - channel : 16)),
        bias(e.bias == nullptr ? set1(-0.0F) : load_f32(e.bias + channel)),  // x + -0.0 is x, also for x = -0.0
        floor(set1(lower_bound(e))),
        ceiling(set1(upper_bound(e))) {}
};

template <int width, int stride>
struct Sliding {
  using Strip = void (*)(const DepthwiseCall& call, const std::byte* x, const std::byte* w,
                         const SlidingColumns& columns, std::byte* y);

  /// `pixels` pixels and 16 channels. x: the first channel in the first window; w: of these channels.
  template <int pixels>
  static void strip(const DepthwiseCall& call, const std::byte* x, const std::byte* w, const SlidingColumns& columns,
                    std::byte* y) {
    F32x16 total[pixels];
#pragma GCC unroll 8
    for (int p = 0; p < pixels; ++p) total[p] = zero();
    for (int t = 0; t < call.tap_count; t += width, w += width * 64) {
      const std::byte* tap = x + call.taps[t];
      F32x16 weight[width];
#pragma GCC unroll 8
      for (int i = 0; i < width; ++i) weight[i] = load_f32(w + i * 64);
#pragma GCC unroll 32
      for (int i = 0; i < (pixels - 1) * stride + width; ++i, tap += call.tap_step) {
        const F32x16 value = load_f32(tap);
#pragma GCC unroll 8
        for (int p = 0; p < pixels; ++p) {
          const int place = i - p * stride;
          if (place >= 0 && place < width) total[p] = fma(value, weight[place], total[p]);
        }
      }
    }
    finish<pixels>(call, columns, total, y);
  }

  template <int pixels>
  TESSERA_MEMBER static void finish(const DepthwiseCall& call, const SlidingColumns& columns, F32x16 (&total)[pixels],
                                    std::byte* y) {
#pragma GCC unroll 8
    for (int p = 0; p < pixels; ++p) total[p] = add(total[p], columns.bias);
    if (is_transcendental(columns.e.activation)) {
      alignas(64) float values[pixels * 16];
      for (int p = 0; p < pixels; ++p) store_f32(values + 16 * p, total[p]);
      transcendental(values, pixels, columns.e);
      for (int p = 0; p < pixels; ++p) total[p] = load_f32(values + 16 * p);
    } else {
#pragma GCC unroll 8
      for (int p = 0; p < pixels; ++p) total[p] = clip(total[p], columns.floor, columns.ceiling);  // NaN passes
    }
    if (columns.lanes == 16) {
#pragma GCC unroll 8
      for (int p = 0; p < pixels; ++p) store_f32(y + p * call.y_step, total[p]);
    } else {
      for (int p = 0; p < pixels; ++p) store_f32_partial(y + p * call.y_step, total[p], columns.lanes);
    }
  }

  /// strip for `pixels` <= most.
  template <int most>
  static Strip strip_of(int pixels) {
    if constexpr (most > 1) {
      if (pixels < most) return strip_of<most - 1>(pixels);
    }
    return strip<most>;
  }

  /// The whole row in strips of even length.
  static void row(const DepthwiseCall& call) {
    const auto pixels = static_cast<int>(call.pixels);
    const int strips = (pixels + most_sliding_pixels - 1) / most_sliding_pixels;
    if (strips == 0) return;
    const int length = pixels / strips, longer = pixels % strips;
    const Strip usual = strip_of<most_sliding_pixels>(length);
    const Strip one_more = longer == 0 ? usual : strip_of<most_sliding_pixels>(length + 1);
    const std::byte* w = call.weights;
    for (std::int64_t c = 0; c < call.channels; c += depthwise_lanes, w += call.tap_count * 64) {
      const SlidingColumns columns(*call.epilogue, c, call.channels);
      const std::byte* x = call.x + c * 4;
      std::byte* y = call.y + c * 4;
      for (int s = 0; s < strips; ++s) {
        (s < longer ? one_more : usual)(call, x, w, columns, y);
        const int done = length + (s < longer ? 1 : 0);
        x += done * call.x_step;
        y += done * call.y_step;
      }
    }
  }
};

template <int width>
TESSERA_INLINE bool slides(const DepthwiseCall& call) {
  if (call.x_step == call.tap_step)
    Sliding<width, 1>::row(call);
  else if (call.x_step == 2 * call.tap_step)
    Sliding<width, 2>::row(call);
  else
    return false;
  return true;
}

/// False where the row is not of this kind.
TESSERA_INLINE bool slide_over_row(const DepthwiseCall& call) {
  const Epilogue& e = *call.epilogue;
  if (call.type != DataType::f32 || call.group != 1 || call.residual != nullptr || e.c_type != DataType::f32)
    return false;
  switch (call.row_taps) {
    case 3: return slides<3>(call);
    case 5: return slides<5>(call);
    case 7: return slides<7>(call);
    default: return false;
  }
}

}  // namespace
}  // namespace tessera
