// Within groups of 2, 4 or 8 lanes: one lane of each group in all lanes of that group. Channels of a group, of which a
// convolution needs every one for every other.
#pragma once

#include "kernels/simd/f32x16.hpp"

namespace tessera {
namespace {

/// Which lane each lane takes, counted within halves of 8 lanes.
TESSERA_INLINE S32x16 lanes_of_group(int group, int lane) {
  alignas(64) std::int32_t index[16];
  for (int i = 0; i < 16; ++i) index[i] = i % 8 / group * group + lane;
  return load_s32(index);
}

#if defined(__AVX512F__)
TESSERA_INLINE F32x16 spread(F32x16 x, S32x16 lanes) {
  const __m512i upper = _mm512_set_epi32(8, 8, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0);
  return {_mm512_permutexvar_ps(_mm512_or_si512(lanes.v, upper), x.v)};
}
#else
TESSERA_INLINE F32x16 spread(F32x16 x, S32x16 lanes) {
  return {_mm256_permutevar8x32_ps(x.lo, lanes.lo), _mm256_permutevar8x32_ps(x.hi, lanes.hi)};
}
#endif

}  // namespace
}  // namespace tessera
