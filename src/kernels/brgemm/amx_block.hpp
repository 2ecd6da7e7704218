// One BrgemmBlock with tiles: its rows in parts of at most 32 (or 16, for panels of four tiles). While a part is
// multiplied, the sums of the part before leave the tiles, and the epilogue of the part before that one is computed
// from memory.
#pragma once

#include "kernels/brgemm/amx_sums.hpp"
#include "kernels/brgemm/amx_unfinished.hpp"

namespace tessera {
namespace {

/// B of a block. Its last chunk is copied and padded with zeros when it is short: tiles load 16 groups, and memory may
/// end before that.
template <int column_tiles>
struct PanelChunks {
  int count = 0;                    ///< chunks in all segments
  const std::byte* last = nullptr;  ///< null: the last chunk is whole
  const std::byte* end = nullptr;   ///< behind the block
  alignas(64) std::byte padded[panel_chunk_bytes<column_tiles>];

  template <class Product>
  [[gnu::always_inline]] void prepare(const BrgemmBlock& block) {
    std::int64_t groups = 0;
    for (int s = 0; s < block.segment_count; ++s)
      groups += (block.segments[s].k * Product::element_bytes + group_bytes - 1) / group_bytes;
    count = static_cast<int>((groups + chunk_groups - 1) / chunk_groups);
    const auto rest = static_cast<int>(groups % chunk_groups);
    end = block.b + groups * panel_row_bytes<column_tiles>;
    if (rest == 0) return;
    const std::byte* from = block.b + (groups - rest) * panel_row_bytes<column_tiles>;
    for (int i = 0; i < column_tiles * chunk_groups; ++i)
      store_u8x64(padded + i * 64, i < column_tiles * rest ? load_u8x64(from + i * 64) : zero_u8x64());
    last = padded;
  }
};

/// use(A, B, chunks) for all segments with some rows: chunks of 64 bytes of A that follow each other in memory, and
/// what they meet in B. Where chunks begin and end depends on the segments alone, not on where rows lie: bf16 sums keep
/// their bits however rows are shared among threads.
template <class Product, class Shape, class Use>
TESSERA_INLINE void for_chunks(const BrgemmBlock& block, const PanelChunks<Shape::columns>& panel,
                               const RowTile (&rows)[2], const Use& use) {
  alignas(64) std::byte slices[Shape::rows][tile_rows * slice_stride];
  const bool in_place = rows[0].evenly_spaced && (Shape::rows == 1 || rows[1].evenly_spaced);
  const std::byte* b = block.b;
  TileSource a[2] = {};
  for (Position at; at.segment < block.segment_count;) {
    const KSegment& segment = block.segments[at.segment];
    const std::int64_t bytes = segment.k * Product::element_bytes;
    std::int64_t chunks = (bytes - at.byte) / chunk_bytes;
    const std::byte* from = b;
    if (chunks == 0) {
      JoinedChunk chunk;
      join<Product>(block, at, chunk);
      if (chunk.pieces == 0) break;
      for (int t = 0; t < Shape::rows; ++t) a[t] = copy_joined(rows[t], chunk, slices[t]);
      if (chunk.groups != chunk_groups) from = panel.last;
      chunks = 1;
    } else {
      if (!in_place && chunks > slice_chunks) chunks = slice_chunks;
      for (int t = 0; t < Shape::rows; ++t)
        a[t] = in_place_or_copied(rows[t], segment.a_offset + at.byte, static_cast<int>(chunks), slices[t]);
      at.byte += chunks * chunk_bytes;
      if (at.byte == bytes) at = {at.segment + 1, 0};
    }
    use(a, from, chunks);
    b += chunks * panel_chunk_bytes<Shape::columns>;
  }
}

/// Rows row..row+count-1 of a block.
struct Part {
  const BrgemmBlock& block;
  int row, count;
  int height;             ///< of the tiles together: count, or one row more, which both tiles then hold
  const std::byte* next;  ///< this part's share of what to prefetch,
  int lines;              ///< and how many lines of it after each product

  /// The lower row tile begins that many rows below the first.
  [[nodiscard]] int lower() const { return count - (height - upper_rows(height)); }
};

/// What all parts of a block fetch together: as many bytes as its b has, evenly.
template <class Shape>
struct Fetch {
  const std::byte* next;
  std::int64_t part_bytes = 0;
  int lines = 0;  ///< after each product
  int parts = 0;  ///< that fetch anything

  [[gnu::always_inline]] Fetch(const BrgemmBlock& block, const PanelChunks<Shape::columns>& panel, int all_parts)
      : next(block.next == nullptr ? panel.end : block.next) {
    constexpr int products = Shape::rows * Shape::columns;
    constexpr int lines_of_chunk = panel_chunk_bytes<Shape::columns> / 64;
    if (!block.next_is_far) return;
    lines = (lines_of_chunk + products * all_parts - 1) / (products * all_parts);
    parts = (lines_of_chunk + products * lines - 1) / (products * lines);
    part_bytes = std::int64_t{64} * lines * products * panel.count;
  }
  [[gnu::always_inline]] const std::byte* from(int part) const { return next + part * part_bytes; }
};

/// What is done between products: finishing what is left from before, and fetching what comes next in B (the next K
/// block or panel) to L2.
template <class Left>
struct Aside {
  Left left;
  const std::byte* next;
  int lines;

  [[gnu::always_inline]] void some() {
    left.some();
    for (int line = 0; line < lines; ++line, next += 64) _mm_prefetch(next, _MM_HINT_T1);
  }
};

template <class Product, class Shape, class Left>
void multiply_part(const Part& part, const PanelChunks<Shape::columns>& panel, TileSession& session) {
  using Tiles = SumTiles<Product, Shape>;
  const BrgemmBlock& block = part.block;
  const int upper = upper_rows(part.height), lower = part.lower();
  RowTile rows[2] = {look_at_rows(block.a_rows + part.row, upper), {}};
  if constexpr (Shape::rows == 2) rows[1] = look_at_rows(block.a_rows + part.row + lower, part.height - upper);
  const std::byte* const sums = block.first ? nullptr : block.accumulators + part.row * panel_row_bytes<Shape::columns>;
  const typename Tiles::Start start{session.in_tiles(), sums, lower};
  Aside<Left> aside{Left(session.stored(), panel.count * Shape::rows * Shape::columns), part.next, part.lines};
  bool started = false;
  for_chunks<Product, Shape>(block, panel, rows,
                             [&](const TileSource(&a)[2], const std::byte* b, std::int64_t chunks) TESSERA_LAMBDA {
                               std::int64_t c = 0;
                               if (!started) {
                                 Tiles::add_chunk(a, 0, b, start, aside);
                                 started = true;
                                 c = 1;
                               }
                               for (; c < chunks; ++c)
                                 Tiles::add_chunk(a, c * chunk_bytes, b + c * panel_chunk_bytes<Shape::columns>,
                                                  typename Tiles::Started{}, aside);
                             });
  if (!started) Tiles::for_each([&](auto r, auto c) TESSERA_LAMBDA { start.template tile<r.value, c.value>(); });
  aside.left.keep_count(session.stored());
}

/// The parts of a block. Where there are two row tiles all parts have tiles of one height, and these may overlap by a
/// row: another height would have to be configured, and all tiles stored before.
template <class Product, Sums sums, class Shape>
TESSERA_INLINE void run_parts(const BrgemmBlock& block, TileSession& session) {
  static constexpr TileSession::Kernel kernel{SumTiles<Product, Shape>::store_all};
  constexpr int most_rows = Shape::rows * tile_rows;
  PanelChunks<Shape::columns> panel;
  panel.template prepare<Product>(block);

  const int parts = (block.m + most_rows - 1) / most_rows;
  const int height = (block.m + parts - 1) / parts;
  const int shorter = parts * height - block.m;
  const Fetch<Shape> fetch(block, panel, parts);
  const FinishRows finish = block.last ? finish_in_one<sums, Shape::columns * 16>(block) : nullptr;
  for (int p = 0, row = 0; p < parts; ++p) {
    const int count = p < parts - shorter ? height : height - 1;
    const int tile_height = Shape::rows == 2 ? height : count;
    session.begin<typename Product::Tiles>(kernel, tile_configurations<Shape::columns>.of_rows[tile_height]);
    const Part part{block, row, count, tile_height, fetch.from(p), p < fetch.parts ? fetch.lines : 0};
    if constexpr (Shape::rows == 2) {
      for_left<sums>(session.stored(), [&](auto as) TESSERA_LAMBDA {
        multiply_part<Product, Shape, typename decltype(as)::Left>(part, panel, session);
      });
    } else {
      multiply_part<Product, Shape, NothingLeft>(part, panel, session);
    }
    session.finish_stored();
    std::byte* const target =
        block.last ? session.next_sums() : block.accumulators + row * panel_row_bytes<Shape::columns>;
    session.leave({block, row, count, part.lower(), target, finish});
    row += count;
  }
}

/// Panels of `column_tiles` tiles: two, or four for few rows.
template <class Product, Sums sums, int column_tiles>
TESSERA_INLINE void run_in_session(const BrgemmBlock& block, TileSession& session) {
  if constexpr (column_tiles == 2) {
    if (block.m > tile_rows) return run_parts<Product, sums, TileShape<2, 2>>(block, session);
  }
  run_parts<Product, sums, TileShape<1, column_tiles>>(block, session);
}

template <class Product, Sums sums, int column_tiles>
TESSERA_INLINE void run_block(const BrgemmBlock& block) {
  if (block.m <= 0) return;
  if (block.tiles != nullptr) return run_in_session<Product, sums, column_tiles>(block, *block.tiles);
  TileSession session;
  run_in_session<Product, sums, column_tiles>(block, session);
}

}  // namespace
}  // namespace tessera
