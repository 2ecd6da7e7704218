// The range of a tensor that is quantized when the model runs. The largest and the least element do not depend on the
// order in which they are looked for.
#pragma once

#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

void range(const RangeCall& call) {
  with_reader({call.x, 0, call.type, {}}, [&](const auto& read) TESSERA_LAMBDA {
    F32x16 above = zero(), below = zero(), poison = zero();
    for_each_vector(call.n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
      const F32x16 x = or_else(read(call.x, i, lanes), zero(), lanes);
      above = max(above, x);
      below = max(below, sub(zero(), x));
      poison = fma(x, zero(), poison);  // 0 for all finite numbers
    });
    const float nothing = horizontal_sum(poison);
    call.range[0] = nothing - horizontal_max(below);
    call.range[1] = nothing + horizontal_max(above);
  });
}

}  // namespace
}  // namespace tessera
