// Softmax over rows: maximum, sum of exponentials, quotient.
#pragma once

#include "kernels/simd/math.hpp"
#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

/// Exponentials of rows up to this length wait on the stack for their sum when the output is too narrow to hold them.
inline constexpr std::int64_t softmax_row_buffer = 4096;

template <class Write>
void softmax_row(const SoftmaxCall& call, const std::byte* x, const float* mask, std::byte* y, float* kept,
                 const Write& write) {
  const F32x16 scale = set1(call.scale);
  const auto logit = [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
    const F32x16 value = load_f32(x + 4 * i, lanes);
    return mask == nullptr ? mul(value, scale) : fma(value, scale, load_f32(mask + i, lanes));
  };
  const F32x16 lowest = set1(-__builtin_inff());
  F32x16 highest = lowest;
  for_each_vector(call.n, [&](std::int64_t i, auto lanes)
                              TESSERA_LAMBDA { highest = max(highest, or_else(logit(i, lanes), lowest, lanes)); });
  const F32x16 top = set1(horizontal_max(highest));

  F32x16 sum = zero();
  for_each_vector(call.n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
    const F32x16 e = exp(sub(logit(i, lanes), top));
    if (kept != nullptr) store_f32(kept + i, e, lanes);
    sum = add(sum, or_else(e, zero(), lanes));
  });
  const F32x16 inverse = div(set1(1.0F), set1(horizontal_sum(sum)));

  for_each_vector(call.n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
    const F32x16 e = kept != nullptr ? load_f32(kept + i, lanes) : exp(sub(logit(i, lanes), top));
    write(y, i, mul(e, inverse), lanes);
  });
}

void softmax(const SoftmaxCall& call) {
  alignas(64) float buffer[softmax_row_buffer];
  with_writer(call.y, [&](const auto& write) TESSERA_LAMBDA {
    for (std::int64_t r = 0; r < call.rows; ++r) {
      std::byte* const y = call.y.data + r * call.y.stride;
      float* kept = call.n <= softmax_row_buffer ? buffer : nullptr;
      if (call.y.type == DataType::f32) kept = reinterpret_cast<float*>(y);
      const float* const mask = call.mask == nullptr ? nullptr : call.mask + r * call.mask_stride;
      softmax_row(call, call.x.data + r * call.x.stride, mask, y, kept, write);
    }
  });
}

}  // namespace
}  // namespace tessera
