#include "compile/layout/memory_planner.hpp"

#include <algorithm>
#include <numeric>

#include "core/memory.hpp"

namespace tessera {
namespace {

struct Placed {
  std::size_t offset, end;
  int first, last;
};

/// Lowest aligned offset where `bytes` fit between the already placed buffers that live at the same time (sorted by
/// offset).
std::size_t lowest_gap(const std::vector<Placed>& neighbours, std::size_t bytes) {
  std::size_t candidate = 0;
  for (const Placed& other : neighbours) {
    if (candidate + bytes <= other.offset) break;
    candidate = std::max(candidate, other.end);
  }
  return candidate;
}

}  // namespace

ArenaLayout plan_arena(std::span<const Lifetime> lifetimes) {
  ArenaLayout layout;
  layout.offsets.resize(lifetimes.size());
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  std::vector<Placed> placed;  // sorted by offset
  for (const std::size_t i : order) {
    const Lifetime& life = lifetimes[i];
    // The slack behind a buffer is read by kernels but never interpreted, so it may lie in a neighbour.
    const std::size_t bytes = round_up(life.bytes, cache_line);
    std::vector<Placed> neighbours;
    for (const Placed& other : placed)
      if (other.first <= life.last && life.first <= other.last) neighbours.push_back(other);
    const std::size_t offset = lowest_gap(neighbours, bytes);
    layout.offsets[i] = offset;
    layout.bytes = std::max(layout.bytes, offset + bytes);
    const Placed entry{offset, offset + bytes, life.first, life.last};
    placed.insert(std::upper_bound(placed.begin(), placed.end(), entry,
                                   [](const Placed& a, const Placed& b) { return a.offset < b.offset; }),
                  entry);
  }
  return layout;
}

}  // namespace tessera
