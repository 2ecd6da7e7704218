// One BrgemmBlock with tiles: its rows in pieces of at most 32, each multiplied in tiles and then finished from memory.
#pragma once

#include "kernels/brgemm/amx_rows.hpp"
#include "kernels/brgemm/epilogue.hpp"

namespace tessera {
namespace {

/// A panel is two tiles wide.
constexpr int panel_columns = 32;
/// Bytes of one group of k of a panel, and of one row of its sums: what tile loads of B and of the sums skip.
constexpr int panel_row_bytes = panel_columns * 4;
constexpr int panel_chunk_bytes = chunk_groups * panel_row_bytes;

template <int row_tiles>
struct SumTiles {
  [[gnu::always_inline]] static void clear() {
    tile_zero<sum_tile(0, 0)>();
    tile_zero<sum_tile(0, 1)>();
    if constexpr (row_tiles == 2) {
      tile_zero<sum_tile(1, 0)>();
      tile_zero<sum_tile(1, 1)>();
    }
  }
  /// [rows][panel_columns], the lower row tile `upper` rows further down.
  [[gnu::always_inline]] static void load(const std::byte* from, int upper) {
    tile_load<sum_tile(0, 0)>(from, panel_row_bytes);
    tile_load<sum_tile(0, 1)>(from + tile_row_bytes, panel_row_bytes);
    if constexpr (row_tiles == 2) {
      from += upper * panel_row_bytes;
      tile_load<sum_tile(1, 0)>(from, panel_row_bytes);
      tile_load<sum_tile(1, 1)>(from + tile_row_bytes, panel_row_bytes);
    }
  }
  [[gnu::always_inline]] static void store(std::byte* to, int upper) {
    tile_store<sum_tile(0, 0)>(to, panel_row_bytes);
    tile_store<sum_tile(0, 1)>(to + tile_row_bytes, panel_row_bytes);
    if constexpr (row_tiles == 2) {
      to += upper * panel_row_bytes;
      tile_store<sum_tile(1, 0)>(to, panel_row_bytes);
      tile_store<sum_tile(1, 1)>(to + tile_row_bytes, panel_row_bytes);
    }
  }
  /// Adds the products of `chunks` whole chunks.
  template <class Product>
  [[gnu::always_inline]] static void add(TileSource upper, TileSource lower, const std::byte* b, std::int64_t chunks) {
    for (std::int64_t c = 0; c < chunks; ++c, b += panel_chunk_bytes) {
      tile_load<a_tile(0)>(upper.data + c * chunk_bytes, upper.stride);
      tile_load<b_tile(0)>(b, panel_row_bytes);
      Product::template add<sum_tile(0, 0), a_tile(0), b_tile(0)>();
      tile_load<b_tile(1)>(b + tile_row_bytes, panel_row_bytes);
      Product::template add<sum_tile(0, 1), a_tile(0), b_tile(1)>();
      if constexpr (row_tiles == 2) {
        tile_load<a_tile(1)>(lower.data + c * chunk_bytes, lower.stride);
        Product::template add<sum_tile(1, 0), a_tile(1), b_tile(0)>();
        Product::template add<sum_tile(1, 1), a_tile(1), b_tile(1)>();
      }
    }
  }
};

/// B of a block. Its last chunk is copied and padded with zeros when it is short: tiles load 16 groups, and memory may
/// end before that.
struct PanelChunks {
  const std::byte* last = nullptr;  ///< null: the last chunk is whole
  alignas(64) std::byte padded[panel_chunk_bytes];

  template <class Product>
  [[gnu::always_inline]] void prepare(const BrgemmBlock& block) {
    std::int64_t groups = 0;
    for (int s = 0; s < block.segment_count; ++s)
      groups += (block.segments[s].k * Product::element_bytes + group_bytes - 1) / group_bytes;
    const auto rest = static_cast<int>(groups % chunk_groups);
    if (rest == 0) return;
    const std::byte* from = block.b + (groups - rest) * panel_row_bytes;
    for (int i = 0; i < 2 * chunk_groups; ++i)
      _mm512_store_si512(padded + i * 64, i < 2 * rest ? _mm512_loadu_si512(from + i * 64) : _mm512_setzero_si512());
    last = padded;
  }
};

/// The products of all segments with some rows, added to the sum tiles. Where chunks begin and end depends on the
/// segments alone, not on where rows lie: bf16 sums keep their bits however rows are shared among threads.
template <class Product, int row_tiles>
TESSERA_INLINE void add_products(const BrgemmBlock& block, const PanelChunks& panel, const RowTile (&rows)[2]) {
  alignas(64) std::byte slices[row_tiles][tile_rows * slice_stride];
  const std::byte* b = block.b;
  TileSource a[2] = {};
  for (Position at; at.segment < block.segment_count;) {
    const KSegment& segment = block.segments[at.segment];
    const std::int64_t bytes = segment.k * Product::element_bytes;
    if (bytes - at.byte < chunk_bytes) {
      JoinedChunk chunk;
      join<Product>(block, at, chunk);
      if (chunk.pieces == 0) break;
      for (int t = 0; t < row_tiles; ++t) a[t] = copy_joined(rows[t], chunk, slices[t]);
      SumTiles<row_tiles>::template add<Product>(a[0], a[1], chunk.groups == chunk_groups ? b : panel.last, 1);
      b += panel_chunk_bytes;
      continue;
    }
    const bool in_place = rows[0].evenly_spaced && (row_tiles == 1 || rows[1].evenly_spaced);
    std::int64_t chunks = (bytes - at.byte) / chunk_bytes;
    if (!in_place && chunks > slice_chunks) chunks = slice_chunks;
    for (int t = 0; t < row_tiles; ++t)
      a[t] = in_place_or_copied(rows[t], segment.a_offset + at.byte, static_cast<int>(chunks), slices[t]);
    SumTiles<row_tiles>::template add<Product>(a[0], a[1], b, chunks);
    b += chunks * panel_chunk_bytes;
    at.byte += chunks * chunk_bytes;
    if (at.byte == bytes) at = {at.segment + 1, 0};
  }
}

/// Rows row..row+count-1 of the block into `target` ([count][panel_columns]).
template <class Product, int row_tiles>
void multiply_row_tiles(const BrgemmBlock& block, const PanelChunks& panel, int row, int count, std::byte* target) {
  const int upper = upper_rows(count);
  RowTile rows[2] = {look_at_rows(block.a_rows + row, upper), {}};
  if constexpr (row_tiles == 2) rows[1] = look_at_rows(block.a_rows + row + upper, count - upper);
  if (block.first) {
    SumTiles<row_tiles>::clear();
  } else {
    SumTiles<row_tiles>::load(block.accumulators + row * panel_row_bytes, upper);
  }
  add_products<Product, row_tiles>(block, panel, rows);
  SumTiles<row_tiles>::store(target, upper);
}

template <class Product, Sums sums>
TESSERA_INLINE void run_in_session(const BrgemmBlock& block, TileSession& tiles) {
  constexpr int stored_bytes = most_rows * panel_row_bytes;
  alignas(64) std::byte stored[2][stored_bytes];
  PanelChunks panel;
  panel.prepare<Product>(block);
  const FinishRows finish = block.last ? finish_for<sums, panel_columns>(*block.epilogue) : nullptr;

  const int parts = (block.m + most_rows - 1) / most_rows;
  const int height = block.m / parts;
  const int taller = block.m % parts;
  // A part is finished after the products of the next one have been issued: the tile unit then works while vectors
  // are converted and stored.
  int finished = 0;
  for (int p = 0, row = 0; p < parts; ++p) {
    const int count = height + (p < taller);
    std::byte* const target = block.last ? stored[p % 2] : block.accumulators + row * panel_row_bytes;
    tiles.load(tile_configurations.of_rows[count]);
    if (count > tile_rows) {
      multiply_row_tiles<Product, 2>(block, panel, row, count, target);
    } else {
      multiply_row_tiles<Product, 1>(block, panel, row, count, target);
    }
    if (finish != nullptr && p > 0) finish(block, finished, row - finished, stored[(p - 1) % 2]);
    finished = row;
    row += count;
  }
  if (finish != nullptr) finish(block, finished, block.m - finished, stored[(parts - 1) % 2]);
}

template <class Product, Sums sums>
TESSERA_INLINE void run_block(const BrgemmBlock& block) {
  if (block.tiles != nullptr) return run_in_session<Product, sums>(block, *block.tiles);
  TileSession tiles;
  run_in_session<Product, sums>(block, tiles);
}

}  // namespace
}  // namespace tessera
