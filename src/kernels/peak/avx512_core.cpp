#include "kernels/peak/loops.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

struct F32Step {
  using Vector = __m512;
  static Vector next(Vector sum, Vector factor) { return _mm512_fmadd_ps(factor, factor, sum); }
};
/// The exact product of tiers without a dot-product instruction.
struct Int8Step {
  using Vector = __m512i;
  static Vector next(Vector sum, Vector factor) { return _mm512_add_epi32(sum, _mm512_madd_epi16(factor, factor)); }
};

}  // namespace

void peak_avx512_core_f32(std::int64_t iterations) {
  run_chains<F32Step, 24>(iterations);
}
void peak_avx512_core_int8(std::int64_t iterations) {
  run_chains<Int8Step, 24>(iterations);
}

}  // namespace tessera
