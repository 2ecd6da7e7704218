// What this machine can do at most: loops of multiply-adds on registers, nothing else. Fractions of peak are measured
// against them, because a nominal peak (frequency times width) is not to be had from a virtual machine.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/types.hpp"

namespace tessera {

/// Operations per second of one thread, a multiply-add counting as two.
struct PeakResult {
  double f32_gflops = 0.0;
  double bf16_gflops = 0.0;
  double int8_gops = 0.0;
};

/// The rates that the best instructions within the ceiling reach, about 20 ms for each type. Where a tier has no bf16
/// arithmetic the bf16 rate is the f32 rate. Runs on the calling thread; for several threads at once, call it on each
/// of them.
PeakResult measure_peak(Isa ceiling);

/// One row of the table: the loop for one type on one tier.
struct PeakLoop {
  const char* name;  ///< "{tier}-{type}"
  Isa isa;
  DataType type;   ///< f32, bf16, u8
  int operations;  ///< per iteration
  void (*run)(std::int64_t iterations);
};

const PeakLoop* find_peak_loop(DataType type, Isa ceiling) noexcept;
std::span<const PeakLoop> all_peak_loops() noexcept;

struct LoopRate {
  double gops = 0;         ///< giga-operations per second
  bool disturbed = false;  ///< by somebody else on the core, all the time (tile_clock.hpp)
};
/// The best of several slices.
LoopRate measure_loop(const PeakLoop& loop);

}  // namespace tessera
