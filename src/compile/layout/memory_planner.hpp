// Places buffers with known lifetimes into one arena so that buffers alive at the same time never overlap.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tessera {

/// Alive from step `first` to step `last`, both included.
struct Lifetime {
  std::size_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct ArenaLayout {
  std::vector<std::size_t> offsets;  ///< one per lifetime, cache-line aligned
  std::size_t bytes = 0;
};

/// Greedy by size: the largest buffer first, each at the lowest offset that is free during its whole life
/// (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
ArenaLayout plan_arena(std::span<const Lifetime> lifetimes);

}  // namespace tessera
