#include "kernels/brgemm/avx2_ops.hpp"
#include "kernels/brgemm/kernels.hpp"
#include "kernels/brgemm/run_block.hpp"

namespace tessera {
namespace {

struct DotU8S8Ops : IntegerSums {
  static constexpr bool widens = false, tail_needs_care = false;
  static constexpr int step_k = 4, steps_per_group = 1, group_bytes = 64;
  template <int>
  [[gnu::always_inline]] static __m256i b(const std::byte* group, int vector) {
    return load256(group + vector * 32);
  }
  [[gnu::always_inline]] static __m256i multiply_add(__m256i sum, __m256i a, __m256i b) {
    return _mm256_dpbusd_avx_epi32(sum, a, b);
  }
};

struct DotS16Ops : S16Ops {
  [[gnu::always_inline]] static __m256i multiply_add(__m256i sum, __m256i a, __m256i b) {
    return _mm256_dpwssd_avx_epi32(sum, a, b);
  }
};

}  // namespace

void brgemm_avx2_vnni_u8s8(const BrgemmBlock& block) {
  run_block<DotU8S8Ops, Sums::s32, 6>(block);
}

void brgemm_avx2_vnni_s16(const BrgemmBlock& block) {
  run_block<DotS16Ops, Sums::s32, 6>(block);
}

}  // namespace tessera
