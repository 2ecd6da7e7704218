#include "kernels/peak/tile_clock.hpp"

#include <chrono>

#include "kernels/peak/loops.hpp"

namespace tessera {

double tile_step_seconds() noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr int runs = 2, steps = 60;
  double least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < runs; ++run) {
    const auto start = Clock::now();
    step_avx512_core_amx(steps);
    least = std::min(least, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return least / steps;
}

bool undisturbed(double before, double after) noexcept {
  // 64 cycles at 1.6 GHz, slower than any CPU with tiles runs them; a disturbed step takes more than 100 ns.
  constexpr double slow = 40e-9, drift = 1.1;
  return std::max(before, after) < slow && std::max(before, after) < drift * std::min(before, after);
}

}  // namespace tessera
