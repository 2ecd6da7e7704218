#include "kernels/peak/peak.hpp"

#include <array>
#include <chrono>

#include "kernels/peak/loops.hpp"
#include "kernels/peak/tile_clock.hpp"

namespace tessera {
namespace {

constexpr std::array loops = {
#define LOOP(function, name, tier, type, multiply_adds) \
  PeakLoop{name, Isa::tier, DataType::type, 2 * (multiply_adds), function},
#include "kernels/peak/loops.inc"
#undef LOOP
};

double seconds(const PeakLoop& loop, std::int64_t iterations) {
  const auto start = std::chrono::steady_clock::now();
  loop.run(iterations);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double rate(DataType type, Isa ceiling) {
  const PeakLoop* loop = find_peak_loop(type, ceiling);
  return loop == nullptr ? 0.0 : measure_loop(*loop).gops;
}

}  // namespace

std::span<const PeakLoop> all_peak_loops() noexcept {
  return loops;
}

const PeakLoop* find_peak_loop(DataType type, Isa ceiling) noexcept {
  const PeakLoop* best = nullptr;
  for (const PeakLoop& loop : loops) {
    if (loop.type != type || !includes(ceiling, loop.isa)) continue;
    if (best == nullptr || includes(loop.isa, best->isa)) best = &loop;
  }
  return best;
}

LoopRate measure_loop(const PeakLoop& loop) {
  // Wide units take some microseconds to wake up, frequency some milliseconds to settle: the first slice only sets the
  // length.
  constexpr double slice_seconds = 1e-3;
  constexpr int slices = 20;
  std::int64_t iterations = 1000;
  double elapsed = seconds(loop, iterations);
  while (elapsed < slice_seconds) {
    iterations *= 2;
    elapsed = seconds(loop, iterations);
  }
  // Interference only ever slows a slice down, so the fastest is the best estimate; short slices fit between time
  // slices of others.
  const LeastTime least = least_time(has_tiles(loop.isa), slices, [&] { return seconds(loop, iterations); });
  return {static_cast<double>(iterations) * loop.operations / least.seconds * 1e-9, least.disturbed};
}

PeakResult measure_peak(Isa ceiling) {
  return {rate(DataType::f32, ceiling), rate(DataType::bf16, ceiling), rate(DataType::u8, ceiling)};
}

}  // namespace tessera
