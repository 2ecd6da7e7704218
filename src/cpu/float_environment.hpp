// The floating-point environment that every kernel runs in.
#pragma once

#include <xmmintrin.h>

namespace tessera {

/// For its lifetime: denormals flushed (FTZ, DAZ), round to nearest even, no traps. The thread's own MXCSR comes back
/// afterwards. It is set whole, since a caller that rounds another way must not change results.
class FloatEnvironment {
 public:
  FloatEnvironment() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(all_masked | flush_to_zero | denormals_are_zero); }
  ~FloatEnvironment() { _mm_setcsr(saved_); }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
  static constexpr unsigned all_masked = 0x1f80, flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
  unsigned saved_;
};

}  // namespace tessera
