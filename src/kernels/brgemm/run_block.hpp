// One BrgemmBlock: its rows in register tiles of even height, a few of which are multiplied and then finished while
// their sums are in L1.
#pragma once

#include "kernels/brgemm/epilogue.hpp"
#include "kernels/brgemm/finish_panel.hpp"
#include "kernels/brgemm/tile.hpp"

namespace tessera {
namespace {

using MultiplyRows = void (*)(const BrgemmBlock& block, int row, std::byte* target, const std::byte* prefetch,
                              const std::byte* start);

/// multiply_rows for `rows` <= most.
template <class Ops, int most>
MultiplyRows multiply_for(int rows, bool fetches_twice) {
  if constexpr (most > 1) {
    if (rows < most) return multiply_for<Ops, most - 1>(rows, fetches_twice);
  }
  if constexpr (most <= most_rows_to_fetch_twice) {
    if (fetches_twice) return multiply_rows<Ops, most, 2>;
  }
  return multiply_rows<Ops, most, 1>;
}

/// Tiles that are finished by one call: it begins with spreading constants over vectors, which takes as long as several
/// rows do.
constexpr int tiles_to_finish = 4;

template <class Ops>
TESSERA_INLINE std::int64_t bytes_of_b(const BrgemmBlock& block) {
  constexpr std::int64_t group_k = Ops::step_k * Ops::steps_per_group;
  std::int64_t groups = 0;
  for (int s = 0; s < block.segment_count; ++s) groups += (block.segments[s].k + group_k - 1) / group_k;
  return groups * Ops::group_bytes;
}

/// How the sums of a block become C.
struct Finish {
  FinishRows rows = nullptr;  ///< null: not yet
  /// What they start from instead of zero: the compensation, which then need not be added to each of them.
  const std::byte* start = nullptr;
};

template <Sums sums, int nr>
TESSERA_INLINE Finish finish_of(const BrgemmBlock& block) {
  if (!block.last) return {};
  const Epilogue& e = *block.epilogue;
  if constexpr (sums == Sums::s32) {
    if (e.in_steps_of_c && block.n == nr) {
      if (e.compensation == nullptr) return {finish_panel_for<false>(e)};
      if (!block.first) return {finish_panel_for<true>(e)};
      return {finish_panel_for<false>(e), reinterpret_cast<const std::byte*>(e.compensation + block.n0)};
    }
  }
  return {finish_for<sums, nr>(e)};
}

template <class Ops, Sums sums, int mr>
TESSERA_INLINE void run_block(const BrgemmBlock& block) {
  constexpr int nr = panel_vectors * static_cast<int>(sizeof(typename Ops::Accumulator)) / step_bytes;
  alignas(64) std::byte sums_in_l1[tiles_to_finish * mr * nr * step_bytes];
  const Finish finish = finish_of<sums, nr>(block);

  // Seven rows as 4 + 3 rather than 6 + 1: a tile of one row waits for its own multiply-adds most of the time.
  const int tiles = (block.m + mr - 1) / mr;
  const int height = block.m / tiles;
  const int taller = block.m % tiles;
  const bool fetches_twice = tiles < 4 && height + (taller > 0) <= most_rows_to_fetch_twice;
  const MultiplyRows multiply[2] = {multiply_for<Ops, mr>(height, fetches_twice),
                                    multiply_for<Ops, mr>(height < mr ? height + 1 : mr, fetches_twice)};
  // What comes next in memory (the next K block or panel) is what the caller will ask for next, if it does not say
  // otherwise. Each tile fetches its share of it.
  const std::int64_t b_bytes = bytes_of_b<Ops>(block);
  const std::byte* const next = block.next == nullptr ? block.b + b_bytes : block.next;
  const std::int64_t share = b_bytes / unrolled_bytes<Ops> * prefetch_lines<Ops> * 64 * (fetches_twice ? 2 : 1);
  for (int t = 0, row = 0, finished = 0; t < tiles; ++t) {
    std::byte* const target =
        block.last ? sums_in_l1 + (row - finished) * nr * step_bytes : block.accumulators + row * nr * step_bytes;
    multiply[t < taller](block, row, target, t * share < b_bytes ? next + t * share : block.b, finish.start);
    row += height + (t < taller);
    if (finish.rows == nullptr || (t % tiles_to_finish != tiles_to_finish - 1 && t != tiles - 1)) continue;
    finish.rows(block, finished, row - finished, sums_in_l1);
    finished = row;
  }
}

}  // namespace
}  // namespace tessera
