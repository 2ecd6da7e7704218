#include "kernels/peak/loops.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

struct Int8Step {
  using Vector = __m512i;
  static Vector next(Vector sum, Vector factor) { return _mm512_dpbusd_epi32(sum, factor, factor); }
};

}  // namespace

void peak_avx512_core_vnni_int8(std::int64_t iterations) {
  run_chains<Int8Step, 24>(iterations);
}

}  // namespace tessera
