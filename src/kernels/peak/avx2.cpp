#include "kernels/peak/loops.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

struct F32Step {
  using Vector = __m256;
  static Vector next(Vector sum, Vector factor) { return _mm256_fmadd_ps(factor, factor, sum); }
};
/// The exact product of tiers without a dot-product instruction.
struct Int8Step {
  using Vector = __m256i;
  static Vector next(Vector sum, Vector factor) { return _mm256_add_epi32(sum, _mm256_madd_epi16(factor, factor)); }
};

}  // namespace

void peak_avx2_f32(std::int64_t iterations) {
  run_chains<F32Step, 12>(iterations);
}
void peak_avx2_int8(std::int64_t iterations) {
  run_chains<Int8Step, 12>(iterations);
}

}  // namespace tessera
