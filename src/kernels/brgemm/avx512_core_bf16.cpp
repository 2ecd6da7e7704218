#include "kernels/brgemm/avx512_ops.hpp"
#include "kernels/brgemm/kernels.hpp"
#include "kernels/brgemm/run_block.hpp"

namespace tessera {
namespace {

struct DotBf16Ops : FloatSums {
  static constexpr bool widens = false, tail_needs_care = true;
  static constexpr int step_k = 2, steps_per_group = 1, group_bytes = 128;
  template <int>
  [[gnu::always_inline]] static __m512 b(const std::byte* group, int vector) {
    return _mm512_loadu_ps(group + vector * 64);
  }
  /// Two neighbours at once, aligned to one.
  [[gnu::always_inline]] static __m512 a(const std::byte* from) { return _mm512_castsi512_ps(IntegerSums::a(from)); }
  /// The upper half would be the element behind the segment: zero instead, as it may be NaN.
  [[gnu::always_inline]] static __m512 a_tail(const std::byte* from) {
    return _mm512_castsi512_ps(_mm512_set1_epi32(*reinterpret_cast<const std::uint16_t*>(from)));
  }
  [[gnu::always_inline]] static __m512 multiply_add(__m512 sum, __m512 a, __m512 b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

}  // namespace

void brgemm_avx512_core_bf16_dot(const BrgemmBlock& block) {
  run_block<DotBf16Ops, Sums::f32, 14>(block);
}

}  // namespace tessera
