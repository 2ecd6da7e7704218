// LayerNormalization over rows: mean, variance about it, then scale and shift; RMSNormalization is the same without the
// mean.
#pragma once

#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

template <class Read, class Write>
void layer_norm_row(const LayerNormCall& call, const std::byte* x, std::byte* y, const Read& read, const Write& write) {
  const F32x16 count = set1(static_cast<float>(call.n));
  F32x16 sum = zero();
  for_each_vector(call.n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
    sum = add(sum, read(x, i, lanes));  // lanes beyond the row read as 0
  });
  const F32x16 mean = call.centred ? div(set1(horizontal_sum(sum)), count) : zero();

  F32x16 squares = zero();
  for_each_vector(call.n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
    const F32x16 difference = or_else(sub(read(x, i, lanes), mean), zero(), lanes);
    squares = fma(difference, difference, squares);
  });
  const F32x16 variance = div(set1(horizontal_sum(squares)), count);
  const F32x16 inverse = div(set1(1.0F), sqrt(add(variance, set1(call.epsilon))));

  for_each_vector(call.n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
    const F32x16 normal = mul(sub(read(x, i, lanes), mean), inverse);
    const F32x16 beta = call.beta == nullptr ? zero() : load_f32(call.beta + i, lanes);
    write(y, i, fma(normal, load_f32(call.gamma + i, lanes), beta), lanes);
  });
}

void layer_norm(const LayerNormCall& call) {
  with_reader(call.x, [&](const auto& read) TESSERA_LAMBDA {
    with_writer(call.y, [&](const auto& write) TESSERA_LAMBDA {
      for (std::int64_t r = 0; r < call.rows; ++r)
        layer_norm_row(call, call.x.data + r * call.x.stride, call.y.data + r * call.y.stride, read, write);
    });
  });
}

}  // namespace
}  // namespace tessera
