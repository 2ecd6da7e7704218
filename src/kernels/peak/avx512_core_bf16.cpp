#include "kernels/peak/loops.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

struct Bf16Step {
  using Vector = __m512;
  static Vector next(Vector sum, Vector factor) {
    const auto pairs = reinterpret_cast<__m512bh>(factor);
    return _mm512_dpbf16_ps(sum, pairs, pairs);
  }
};

}  // namespace

void peak_avx512_core_bf16_dot(std::int64_t iterations) {
  run_chains<Bf16Step, 24>(iterations);
}

}  // namespace tessera
