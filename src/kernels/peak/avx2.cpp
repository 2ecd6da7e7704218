#include "kernels/peak/loops.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

struct F32Step {
  using Vector = __m256;
  static Vector next(Vector sum, Vector factor) { return _mm256_fmadd_ps(factor, factor, sum); }
};
struct WordStep {
  using Vector = __m256i;
  static Vector next(Vector sum, Vector factor) { return _mm256_add_epi32(sum, _mm256_madd_epi16(factor, factor)); }
};
/// Bytes without a dot-product instruction: twice 32 products, added in 16 bits (kernels/brgemm/overflow.hpp).
struct ByteStep {
  using Vector = __m256i;
  static Vector next(Vector sum, Vector factor) {
    Vector other = factor;
    __asm__ volatile("" : "+x"(other));  // lest one product serve as both
    const Vector words = _mm256_add_epi16(_mm256_maddubs_epi16(factor, factor), _mm256_maddubs_epi16(other, factor));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(words, factor));
  }
};

}  // namespace

void peak_avx2_f32(std::int64_t iterations) {
  run_chains<F32Step, 12>(iterations);
}
void peak_avx2_int8(std::int64_t iterations) {
  run_chains<ByteStep, 10>(iterations);
}
void peak_avx2_s16(std::int64_t iterations) {
  run_chains<WordStep, 12>(iterations);
}

}  // namespace tessera
