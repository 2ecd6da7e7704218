// Maximum and average pooling over NHWC. Each lane is a channel, so the order of every sum is the order of the window's
// pixels.
#pragma once

#include "kernels/pool/window.hpp"
#include "kernels/simd/u8x64.hpp"

namespace tessera {
namespace {

struct Maximum {
  TESSERA_MEMBER F32x16 start() const { return set1(-__builtin_inff()); }
  TESSERA_MEMBER F32x16 combine(F32x16 so_far, F32x16 x) const {
    // max gives its second operand where either is NaN. Taken both ways round, the results are the same bits but for
    // NaN, of which one keeps that of `so_far` and the other that of `x`; "or" keeps both.
    return bit_or(max(so_far, x), max(x, so_far));
  }
};
struct Sum {
  TESSERA_MEMBER F32x16 start() const { return zero(); }
  TESSERA_MEMBER F32x16 combine(F32x16 so_far, F32x16 x) const { return add(so_far, x); }
};

/// Reduces `vectors` vectors of channels from channel c on over the window and hands them to finish(c, total, lanes).
template <int vectors, class Reduction, class Read, class Lanes, class Finish>
TESSERA_INLINE void reduce_channels(const PoolWindow& window, std::int64_t c, const Reduction& reduction,
                                    const Read& read, Lanes lanes, const Finish& finish) {
  F32x16 total[vectors];
  for (int v = 0; v < vectors; ++v) total[v] = reduction.start();
  window.for_each_pixel([&](const std::byte* pixel) TESSERA_LAMBDA {
    for (int v = 0; v < vectors; ++v) total[v] = reduction.combine(total[v], read.raw(pixel, c + 16 * v, lanes));
  });
  for (int v = 0; v < vectors; ++v) finish(c + 16 * v, total[v], lanes);
}

template <class Reduction, class Read, class Finish>
TESSERA_INLINE void reduce_window(const PoolWindow& window, std::int64_t channels, const Reduction& reduction,
                                  const Read& read, const Finish& finish) {
  std::int64_t c = 0;
  for (; c + 64 <= channels; c += 64) reduce_channels<4>(window, c, reduction, read, Whole{}, finish);
  for (; c + 16 <= channels; c += 16) reduce_channels<1>(window, c, reduction, read, Whole{}, finish);
  if (c < channels) reduce_channels<1>(window, c, reduction, read, First{static_cast<int>(channels - c)}, finish);
}

template <class Read, class Write>
void max_pool(const PoolCall& call, const Read& read, const Write& write) {
  for_each_window(call, [&](const PoolWindow& window, std::byte* y) TESSERA_LAMBDA {
    reduce_window(window, call.channels, Maximum{}, read, [&](std::int64_t c, F32x16 top, auto lanes) TESSERA_LAMBDA {
      write(y, c, read.real(top, 1.0F), lanes);  // dequantization is monotonic: the maximum may come first
    });
  });
}

template <class Read, class Write>
void average_pool(const PoolCall& call, const Read& read, const Write& write) {
  for_each_window(call, [&](const PoolWindow& window, std::byte* y) TESSERA_LAMBDA {
    const auto pixels = static_cast<float>(window.height * window.width);
    const F32x16 divisor = set1(call.count_include_pad ? static_cast<float>(call.kernel_h * call.kernel_w) : pixels);
    reduce_window(window, call.channels, Sum{}, read, [&](std::int64_t c, F32x16 sum, auto lanes) TESSERA_LAMBDA {
      write(y, c, div(read.real(sum, pixels), divisor), lanes);
    });
  });
}

/// u8 to u8 under the same quantization: the greatest byte is the answer.
void max_pool_bytes(const PoolCall& call) {
  for_each_window(call, [&](const PoolWindow& window, std::byte* y) TESSERA_LAMBDA {
    std::int64_t c = 0;
    for (; c + 64 <= call.channels; c += 64) {
      U8x64 top = load_u8x64(window.data + c);
      window.for_each_pixel([&](const std::byte* pixel) TESSERA_LAMBDA { top = max(top, load_u8x64(pixel + c)); });
      store_u8x64(y + c, top);
    }
    for_each_vector(call.channels - c, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
      __m128i top = _mm_setzero_si128();
      window.for_each_pixel([&](const std::byte* pixel)
                                TESSERA_LAMBDA { top = _mm_max_epu8(top, load_16x8(pixel + c + i, lanes)); });
      store_16x8(y + c + i, top, lanes);
    });
  });
}

TESSERA_INLINE bool keeps_bytes(const RowsIn& x, const RowsOut& y) {
  return x.type == DataType::u8 && y.type == DataType::u8 && x.quantization.zero_point == y.quantization.zero_point &&
         y.quantization.scale == x.quantization.scale;
}

void pool(const PoolCall& call) {
  if (!call.average && keeps_bytes(call.x, call.y)) return max_pool_bytes(call);
  with_reader(call.x, [&](const auto& read) TESSERA_LAMBDA {
    with_writer(call.y, [&](const auto& write) TESSERA_LAMBDA {
      call.average ? average_pool(call, read, write) : max_pool(call, read, write);
    });
  });
}

}  // namespace
}  // namespace tessera
