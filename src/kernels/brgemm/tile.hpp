// The register tile: `Rows` rows times one panel of accumulators, held in registers over the whole K loop. One template
// for every tier and type; `Ops` supplies the arithmetic. Included by per-ISA translation units only, so everything has
// internal linkage.
//
// What an Ops says (avx2_ops.hpp, avx512_ops.hpp):
//   Accumulator, zero, load, store: one vector of f32 or s32 accumulators.
//   step_k: elements of k that one multiply-add consumes in each lane. steps_per_group: steps in one k_group of B.
//   group_bytes: bytes of one k_group of a panel.
//   a(pointer), b<step>(group, vector): the operands, 32 bits of A in every lane and one vector of B.
//   multiply_add(accumulator, a, b).
//   widens: no instruction takes the type of A; widen(from, k, to) converts a slice of it to `step_bytes` per step.
//   tail_needs_care: the bytes behind an incomplete last step must not be multiplied; a_tail(pointer) leaves them out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

/// Steps that the K loop is unrolled by.
constexpr int unrolled_steps = 4;
/// Vectors in a panel: two keep the multiply-add ports busy with one broadcast of A for two of them.
constexpr int panel_vectors = 2;
/// Bytes of A that one step takes, whatever the type: a 32-bit lane.
constexpr int step_bytes = 4;
/// Widened A of one row: small enough that all rows of a tile stay in L1 beside the panel.
constexpr int slice_bytes = 512;
/// The rows of a slice lie this far apart, lest they share L1 sets.
constexpr int slice_stride = slice_bytes + 64;

/// Bytes of B in the unrolled steps.
template <class Ops>
constexpr int unrolled_bytes = (unrolled_steps / Ops::steps_per_group) * Ops::group_bytes;
/// Lines of the B to come that the unrolled steps fetch: four tiles fetch as much as each of them reads.
template <class Ops>
constexpr int prefetch_lines = (unrolled_bytes<Ops> + 255) / 256;
/// With fewer than four tiles each prefetches double, unless it has more than this many rows: such a tile reads its B
/// so slowly that one pass over it leaves time for all prefetches.
constexpr int most_rows_to_fetch_twice = 8;

/// `fetches`: 1, or 2 to fetch twice as much.
template <class Ops, int Rows, int fetches = 1>
struct Tile {
  typename Ops::Accumulator sum[Rows][panel_vectors];
  const std::byte* prefetch;  ///< next line to fetch of what follows this block of B

  static constexpr int vector_bytes = static_cast<int>(sizeof(typename Ops::Accumulator));

  [[gnu::always_inline]] void start(const BrgemmBlock&, const std::byte* first_prefetch) { prefetch = first_prefetch; }

  [[gnu::always_inline]] void clear() {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < panel_vectors; ++v) sum[r][v] = Ops::zero();
  }

  [[gnu::always_inline]] void load(const std::byte* from) {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < panel_vectors; ++v) sum[r][v] = Ops::load(from + (r * panel_vectors + v) * vector_bytes);
  }

  /// The same in every row.
  [[gnu::always_inline]] void spread(const std::byte* from) {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < panel_vectors; ++v) sum[r][v] = Ops::load(from + v * vector_bytes);
  }

  [[gnu::always_inline]] void store(std::byte* to) const {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < panel_vectors; ++v) Ops::store(to + (r * panel_vectors + v) * vector_bytes, sum[r][v]);
  }

  /// Step number `Step` of a group of B; row r of A is at a[r] + offset.
  template <int Step>
  [[gnu::always_inline]] void step(const std::byte* const* a, std::int64_t offset, const std::byte* group) {
    auto b0 = Ops::template b<Step>(group, 0);
    auto b1 = Ops::template b<Step>(group, 1);
    __asm__ volatile("" : "+v"(b0), "+v"(b1));  // loaded once, not as an operand of every multiply-add
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const auto broadcast = Ops::a(a[r] + offset);
      sum[r][0] = Ops::multiply_add(sum[r][0], broadcast, b0);
      sum[r][1] = Ops::multiply_add(sum[r][1], broadcast, b1);
      // Keeps the compiler from computing all products before the first sum, and from moving sums between registers:
      // either spills.
      __asm__ volatile("" : "+v"(sum[r][0]), "+v"(sum[r][1]));
    }
  }

  [[gnu::always_inline]] void group(const std::byte* const* a, std::int64_t offset, const std::byte* b) {
    step<0>(a, offset, b);
    if constexpr (Ops::steps_per_group == 2) step<1>(a, offset + step_bytes, b);
  }

  /// `steps` steps from the start of a group; returns the group behind the last one touched.
  [[gnu::always_inline]] const std::byte* steps(const std::byte** a, std::int64_t steps, const std::byte* b) {
    std::int64_t offset = 0;
    const std::int64_t end = steps * step_bytes;
    for (; offset + unrolled_steps * step_bytes <= end;
         offset += unrolled_steps * step_bytes, b += unrolled_bytes<Ops>) {
      // With pointers it knows nothing about, the compiler writes the unrolled offsets into the addresses; otherwise it
      // keeps four pointers per row.
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) __asm__ volatile("" : "+r"(a[r]));
#pragma GCC unroll 4
      for (int line = 0; line < fetches * prefetch_lines<Ops>; ++line, prefetch += 64)
        _mm_prefetch(prefetch, _MM_HINT_T1);
#pragma GCC unroll 4
      for (int g = 0; g < unrolled_steps / Ops::steps_per_group; ++g)
        group(a, offset + g * Ops::steps_per_group * step_bytes, b + g * Ops::group_bytes);
    }
    constexpr int group_step_bytes = Ops::steps_per_group * step_bytes;
    for (; offset + group_step_bytes <= end; offset += group_step_bytes, b += Ops::group_bytes) group(a, offset, b);
    if constexpr (Ops::steps_per_group == 2) {
      if (offset < end) {
        step<0>(a, offset, b);
        b += Ops::group_bytes;
      }
    }
    return b;
  }

  /// A whole segment straight from the rows of A.
  [[gnu::always_inline]] const std::byte* segment(const std::byte** a, std::int64_t k, const std::byte* b) {
    if constexpr (Ops::tail_needs_care) {
      const std::int64_t whole = k / Ops::step_k;
      b = steps(a, whole, b);
      return k % Ops::step_k == 0 ? b : tail(a, whole * step_bytes, b);
    } else {
      return steps(a, (k + Ops::step_k - 1) / Ops::step_k, b);
    }
  }

  [[gnu::always_inline]] const std::byte* tail(const std::byte* const* a, std::int64_t offset, const std::byte* group) {
    const auto b0 = Ops::template b<0>(group, 0);
    const auto b1 = Ops::template b<0>(group, 1);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const auto broadcast = Ops::a_tail(a[r] + offset);
      sum[r][0] = Ops::multiply_add(sum[r][0], broadcast, b0);
      sum[r][1] = Ops::multiply_add(sum[r][1], broadcast, b1);
    }
    return group + Ops::group_bytes;
  }

  /// A whole segment, converting A slice by slice on the way.
  [[gnu::always_inline]] const std::byte* widened_segment(const std::byte** a, std::int64_t k, const std::byte* b) {
    constexpr std::int64_t slice_k = slice_bytes / step_bytes * Ops::step_k;
    alignas(64) std::byte slice[Rows * slice_stride];
    const std::byte* rows[Rows];
    for (int r = 0; r < Rows; ++r) rows[r] = slice + r * slice_stride;
    for (std::int64_t done = 0; done < k; done += slice_k) {
      const std::int64_t count = k - done < slice_k ? k - done : slice_k;
      for (int r = 0; r < Rows; ++r) Ops::widen(a[r] + done * Ops::a_bytes, count, slice + r * slice_stride);
      b = steps(rows, (count + Ops::step_k - 1) / Ops::step_k, b);
    }
    return b;
  }
};

/// The tile of an Ops: one that does more than repeat a step has its own.
template <class Ops, int Rows, int fetches>
struct TileOf {
  using type = Tile<Ops, Rows, fetches>;
};

/// Rows row..row+Rows-1 of the block, all its segments, into `target` ([Rows][nr]). `start`: what the sums of a row
/// start from ([nr], of any alignment) if the block is the first; null: zero.
template <class Ops, int Rows, int fetches>
void multiply_rows(const BrgemmBlock& block, int row, std::byte* target, const std::byte* prefetch,
                   const std::byte* start) {
  typename TileOf<Ops, Rows, fetches>::type tile;
  tile.start(block, prefetch);
  if (!block.first) {
    tile.load(block.accumulators + row * panel_vectors * Tile<Ops, Rows>::vector_bytes);
  } else if (start == nullptr) {
    tile.clear();
  } else {
    tile.spread(start);
  }
  const std::byte* b = block.b;
  for (int s = 0; s < block.segment_count; ++s) {
    const std::byte* a[Rows];
    for (int r = 0; r < Rows; ++r) a[r] = block.a_rows[row + r] + block.segments[s].a_offset;
    if constexpr (Ops::widens) {
      b = tile.widened_segment(a, block.segments[s].k, b);
    } else {
      b = tile.segment(a, block.segments[s].k, b);
    }
  }
  tile.store(target);
}

}  // namespace
}  // namespace tessera
