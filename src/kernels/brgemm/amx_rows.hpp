// Rows of A as a tile load wants them: a constant distance apart, whole chunks of 64 bytes. Where they lie otherwise
// (across the border of an image row, at the end of a segment) they are copied.
#pragma once

#include "kernels/brgemm/amx_tiles.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "kernels/simd/u8x64.hpp"

namespace tessera {
namespace {

/// The bytes of k that one tile takes: 16 groups of 4.
constexpr int chunk_bytes = tile_row_bytes;
constexpr int group_bytes = 4;
constexpr int chunk_groups = chunk_bytes / group_bytes;

/// Up to 16 rows: one tile of A.
struct RowTile {
  const std::byte* const* rows;
  int count;
  bool evenly_spaced;
  std::int64_t stride;  ///< when evenly_spaced
};

/// What a tile load takes.
struct TileSource {
  const std::byte* data;
  std::int64_t stride;
};

TESSERA_INLINE RowTile look_at_rows(const std::byte* const* rows, int count) {
  if (count == 1) return {rows, count, true, chunk_bytes};
  const std::int64_t stride = rows[1] - rows[0];
  std::int64_t deviation = 0;
  for (int r = 1; r < count; ++r) deviation |= (rows[r] - rows[r - 1]) ^ stride;
  return {rows, count, deviation == 0, stride};
}

/// A place in the K loop; `byte` counts from the start of the segment.
struct Position {
  int segment = 0;
  std::int64_t byte = 0;
};

/// A chunk made of the ends and beginnings of several segments. Segments follow each other in B without a gap, so the
/// tile of B is an ordinary one.
struct JoinedChunk {
  int groups = 0;  ///< fewer than chunk_groups only at the end of the block
  int pieces = 0;
  std::int64_t offset[chunk_groups];  ///< from the row pointer to where byte 0 of the chunk would be
  std::uint64_t bytes[chunk_groups];  ///< a mask: the piece's bytes within the chunk
};

/// The chunk that starts at `at`, which moves behind it.
template <class Product>
TESSERA_INLINE void join(const BrgemmBlock& block, Position& at, JoinedChunk& chunk) {
  while (at.segment < block.segment_count && chunk.groups < chunk_groups) {
    const KSegment& segment = block.segments[at.segment];
    const std::int64_t left = segment.k * Product::element_bytes - at.byte;
    const std::int64_t room = (chunk_groups - chunk.groups) * group_bytes;
    const std::int64_t taken = left < room ? left : room;
    if (taken > 0) {
      // Only the segment's own bytes: what lies behind them may be NaN, and NaN times a zero of B is NaN.
      const int start = chunk.groups * group_bytes;
      chunk.bytes[chunk.pieces] = (~0ULL >> (chunk_bytes - taken)) << start;
      chunk.offset[chunk.pieces++] = segment.a_offset + at.byte - start;
      chunk.groups += static_cast<int>((taken + group_bytes - 1) / group_bytes);
    }
    at.byte += taken;
    if (taken == left) at = {at.segment + 1, 0};
  }
}

/// Copied rows: several chunks of one row after the other, so that memory is read in order.
constexpr int slice_chunks = 4;
/// The rows of a slice lie this far apart, lest they share L1 sets.
constexpr int slice_stride = slice_chunks * chunk_bytes + 64;

/// A tile's rows of a joined chunk, the rest of the chunk zero.
TESSERA_INLINE TileSource copy_joined(const RowTile& tile, const JoinedChunk& chunk, std::byte* slice) {
  for (int r = 0; r < tile.count; ++r) {
    // Integers, because the position of byte 0 may lie before the row; those bytes are masked.
    const auto row = reinterpret_cast<std::intptr_t>(tile.rows[r]);
    U8x64 value = zero_u8x64();
    for (int p = 0; p < chunk.pieces; ++p)
      value = insert_u8x64(value, chunk.bytes[p], reinterpret_cast<const void*>(row + chunk.offset[p]));
    store_u8x64(slice + r * slice_stride, value);
  }
  return {slice, slice_stride};
}

/// `chunks` (at most slice_chunks) whole chunks of a tile's rows, from `offset` bytes on: in place where that can be.
TESSERA_INLINE TileSource in_place_or_copied(const RowTile& tile, std::int64_t offset, int chunks, std::byte* slice) {
  if (tile.evenly_spaced) return {tile.rows[0] + offset, tile.stride};
  for (int r = 0; r < tile.count; ++r)
    for (int c = 0; c < chunks; ++c)
      store_u8x64(slice + r * slice_stride + c * chunk_bytes, load_u8x64(tile.rows[r] + offset + c * chunk_bytes));
  return {slice, slice_stride};
}

}  // namespace
}  // namespace tessera
