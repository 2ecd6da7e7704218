#include "kernels/brgemm/avx512_ops.hpp"
#include "kernels/brgemm/kernels.hpp"
#include "kernels/brgemm/run_block.hpp"

namespace tessera {
namespace {

struct DotU8S8Ops : IntegerSums {
  static constexpr bool widens = false, tail_needs_care = false;
  static constexpr int step_k = 4, steps_per_group = 1, group_bytes = 128;
  template <int>
  [[gnu::always_inline]] static __m512i b(const std::byte* group, int vector) {
    return _mm512_loadu_si512(group + vector * 64);
  }
  [[gnu::always_inline]] static __m512i multiply_add(__m512i sum, __m512i a, __m512i b) {
    return _mm512_dpbusd_epi32(sum, a, b);
  }
};

struct DotS16Ops : S16Ops {
  [[gnu::always_inline]] static __m512i multiply_add(__m512i sum, __m512i a, __m512i b) {
    return _mm512_dpwssd_epi32(sum, a, b);
  }
};

}  // namespace

void brgemm_avx512_core_vnni_u8s8(const BrgemmBlock& block) {
  run_block<DotU8S8Ops, Sums::s32, 14>(block);
}

void brgemm_avx512_core_vnni_s16(const BrgemmBlock& block) {
  run_block<DotS16Ops, Sums::s32, 14>(block);
}

}  // namespace tessera
