#include "kernels/peak/loops.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

struct Int8Step {
  using Vector = __m256i;
  static Vector next(Vector sum, Vector factor) { return _mm256_dpbusd_avx_epi32(sum, factor, factor); }
};

}  // namespace

void peak_avx2_vnni_int8(std::int64_t iterations) {
  run_chains<Int8Step, 12>(iterations);
}

}  // namespace tessera
