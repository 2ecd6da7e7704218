// Declarations of the loops in loops.inc, and the body that all of them share.
#pragma once

#include "kernels/peak/peak.hpp"

namespace tessera {

#define LOOP(function, name, tier, type, multiply_adds) void function(std::int64_t iterations);
#include "kernels/peak/loops.inc"
#undef LOOP

/// Steps of 2x2 tiles from L1, the reference of tile_clock.hpp: configured and released within the call.
void step_avx512_core_amx(std::int64_t steps);

namespace {

/// `count` independent chains of Step::next(chain, factor). The empty assembly keeps the compiler from knowing any
/// value, so that it can neither drop nor merge a step.
template <class Step, int count>
inline __attribute__((always_inline)) void run_chains(std::int64_t iterations) {
  using Vector = typename Step::Vector;
  Vector chain[count];
  Vector factor{};
#pragma GCC unroll 32
  for (int c = 0; c < count; ++c) chain[c] = Vector{};
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 32
    for (int c = 0; c < count; ++c) {
      __asm__ volatile("" : "+v"(factor));
      chain[c] = Step::next(chain[c], factor);
    }
  }
#pragma GCC unroll 32
  for (int c = 0; c < count; ++c) __asm__ volatile("" : : "v"(chain[c]));
}

}  // namespace
}  // namespace tessera
