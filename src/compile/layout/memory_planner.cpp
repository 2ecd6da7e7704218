#include "compile/layout/memory_planner.hpp"

#include <algorithm>
#include <numeric>

#include "core/memory.hpp"

namespace tessera {
namespace {

struct Placed {
  std::size_t offset, end;
};

/// The buffers that have a place, found by when they live: a network of a hundred thousand nodes has as many buffers,
/// of which only a few live at the same time.
class PlacedBuffers {
 public:
  explicit PlacedBuffers(std::span<const Lifetime> lifetimes) {
    for (const Lifetime& life : lifetimes) steps_ = std::max(steps_, static_cast<std::size_t>(life.last) + 1);
    first_at_.resize(steps_);
    alive_in_.resize(2 * steps_);
  }

  void add(const Lifetime& life, Placed placed) {
    first_at_[static_cast<std::size_t>(life.first)].push_back(placed);
    std::size_t begin = static_cast<std::size_t>(life.first) + steps_;
    std::size_t end = static_cast<std::size_t>(life.last) + 1 + steps_;
    for (; begin < end; begin /= 2, end /= 2) {
      if (begin % 2 == 1) alive_in_[begin++].push_back(placed);
      if (end % 2 == 1) alive_in_[--end].push_back(placed);
    }
  }

  /// Those that live at a step of `life`, by offset: alive at its first step, or first used later in it.
  [[nodiscard]] std::vector<Placed> beside(const Lifetime& life) const {
    std::vector<Placed> found;
    for (std::size_t node = static_cast<std::size_t>(life.first) + steps_; node > 0; node /= 2)
      found.insert(found.end(), alive_in_[node].begin(), alive_in_[node].end());
    for (int step = life.first + 1; step <= life.last; ++step) {
      const std::vector<Placed>& begun = first_at_[static_cast<std::size_t>(step)];
      found.insert(found.end(), begun.begin(), begun.end());
    }
    std::sort(found.begin(), found.end(), [](const Placed& a, const Placed& b) { return a.offset < b.offset; });
    return found;
  }

 private:
  std::size_t steps_ = 0;
  std::vector<std::vector<Placed>> first_at_;  ///< by step
  /// A segment tree over the steps: node i has the children 2 i and 2 i + 1, step s is node steps_ + s. A buffer stands
  /// in the few nodes that cover its life, so that those alive at a step are on the way from there to the root.
  std::vector<std::vector<Placed>> alive_in_;
};

/// The lowest offset at which `bytes` fit between `neighbours`.
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
  PlacedBuffers placed(lifetimes);
  for (const std::size_t i : order) {
    const Lifetime& life = lifetimes[i];
    if (life.bytes == 0) break;  // so are all that follow: they take no place
    // The slack behind a buffer is read by kernels but never interpreted, so it may lie in a neighbour.
    const std::size_t bytes = round_up(life.bytes, cache_line);
    const std::size_t offset = lowest_gap(placed.beside(life), bytes);
    layout.offsets[i] = offset;
    layout.bytes = std::max(layout.bytes, offset + bytes);
    placed.add(life, {offset, offset + bytes});
  }
  return layout;
}

}  // namespace tessera
