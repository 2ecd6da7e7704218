// Softmax over rows: maximum, sum of exponentials, quotient. Each is done for several rows before the next one begins:
// the sums across lanes and the division at the end of a row then wait beside the work on other rows.
#pragma once

#include "kernels/simd/math.hpp"
#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

/// Floats on the stack where exponentials wait for their sum when the output is too narrow to hold them.
inline constexpr std::int64_t softmax_buffer = 4096;
inline constexpr std::int64_t softmax_rows_together = 16;

/// One row: x * scale + mask, x being float or a sum of products of integers.
template <bool integers>
class SoftmaxRow {
 public:
  TESSERA_MEMBER SoftmaxRow(const SoftmaxCall& call, std::int64_t row)
      : call_(call),
        x_(call.x.data + row * call.x.stride),
        mask_(call.mask == nullptr ? nullptr : call.mask + row * call.mask_stride),
        scale_(set1(call.scale)) {}

  /// Calls body(i, logits, lanes) for i = 0, 16, 32, ... below n.
  template <class Body>
  TESSERA_MEMBER void each(const Body& body) const {
    const std::byte* block = x_;
    const std::int64_t columns = call_.block_columns == 0 ? call_.n : call_.block_columns;
    for (std::int64_t start = 0; start < call_.n; start += columns, block += call_.block_stride) {
      const std::int64_t left = call_.n - start;
      for_each_vector(left < columns ? left : columns, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
        body(start + i, logits(block + 4 * i, start + i, lanes), lanes);
      });
    }
  }

 private:
  template <class Lanes>
  TESSERA_MEMBER F32x16 logits(const std::byte* x, std::int64_t column, Lanes lanes) const {
    F32x16 value = load_f32(x, lanes);
    if constexpr (integers) {
      S32x16 sums = bits_of(value);
      if (call_.compensation != nullptr) sums = add(sums, bits_of(load_f32(call_.compensation + column, lanes)));
      value = to_f32(sums);
    }
    return mask_ == nullptr ? mul(value, scale_) : fma(value, scale_, load_f32(mask_ + column, lanes));
  }

  const SoftmaxCall& call_;
  const std::byte* x_;
  const float* mask_;
  F32x16 scale_;
};

template <class Row>
TESSERA_INLINE float softmax_top(const Row& row) {
  const F32x16 lowest = set1(-__builtin_inff());
  F32x16 highest = lowest;
  row.each([&](std::int64_t, F32x16 x, auto lanes)
               TESSERA_LAMBDA { highest = max(highest, or_else(x, lowest, lanes)); });
  return horizontal_max(highest);
}

/// One over the sum of the exponentials, which are left in `kept` unless it is null.
template <class Row>
TESSERA_INLINE float softmax_quotient(const Row& row, float top, float* kept) {
  F32x16 sum = zero();
  row.each([&](std::int64_t i, F32x16 x, auto lanes) TESSERA_LAMBDA {
    const F32x16 e = exp_below_one(sub(x, set1(top)));
    if (kept != nullptr) store_f32(kept + i, e, lanes);
    sum = add(sum, or_else(e, zero(), lanes));
  });
  return 1.0F / horizontal_sum(sum);
}

template <bool integers, class Write>
TESSERA_INLINE void softmax_rows(const SoftmaxCall& call, const Write& write) {
  alignas(64) float buffer[softmax_buffer];
  const bool in_y = call.y.type == DataType::f32;
  const bool fits = in_y || call.n <= softmax_buffer;
  // Rows in the buffer lie a whole number of vectors apart.
  const std::int64_t length = (call.n + 15) / 16 * 16;
  std::int64_t together = softmax_rows_together;
  if (!in_y) together = length * together <= softmax_buffer ? together : fits ? softmax_buffer / length : 1;
  for (std::int64_t first = 0; first < call.rows; first += together) {
    const std::int64_t rows = call.rows - first < together ? call.rows - first : together;
    const auto y = [&](std::int64_t r) TESSERA_LAMBDA { return call.y.data + (first + r) * call.y.stride; };
    const auto kept = [&](std::int64_t r) TESSERA_LAMBDA {
      return in_y ? reinterpret_cast<float*>(y(r)) : fits ? buffer + r * length : nullptr;
    };
    float top[softmax_rows_together], inverse[softmax_rows_together];
    for (std::int64_t r = 0; r < rows; ++r) top[r] = softmax_top(SoftmaxRow<integers>(call, first + r));
    for (std::int64_t r = 0; r < rows; ++r)
      inverse[r] = softmax_quotient(SoftmaxRow<integers>(call, first + r), top[r], kept(r));
    for (std::int64_t r = 0; r < rows; ++r) {
      if (fits) {
        for_each_vector(call.n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
          write(y(r), i, mul(load_f32(kept(r) + i, lanes), set1(inverse[r])), lanes);
        });
      } else {
        SoftmaxRow<integers>(call, first + r).each([&](std::int64_t i, F32x16 x, auto lanes) TESSERA_LAMBDA {
          write(y(r), i, mul(exp_below_one(sub(x, set1(top[r]))), set1(inverse[r])), lanes);
        });
      }
    }
  }
}

void softmax(const SoftmaxCall& call) {
  with_writer(call.y, [&](const auto& write) TESSERA_LAMBDA {
    if (call.x.type == DataType::s32)
      softmax_rows<true>(call, write);
    else
      softmax_rows<false>(call, write);
  });
}

}  // namespace
}  // namespace tessera
