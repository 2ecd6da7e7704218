// One BrgemmBlock with tiles: its rows in parts of at most 32 (or 16, for panels of four tiles), each multiplied in
// tiles, stored, and finished from memory while the next one is being multiplied.
#pragma once

#include "kernels/brgemm/amx_rows.hpp"
#include "kernels/brgemm/amx_unfinished.hpp"

namespace tessera {
namespace {

/// Bytes of one group of k of a panel, and of one row of its sums: what tile loads of B and of the sums skip.
template <int column_tiles>
constexpr int panel_row_bytes = column_tiles* tile_row_bytes;
template <int column_tiles>
constexpr int panel_chunk_bytes = chunk_groups* panel_row_bytes<column_tiles>;

template <class Product, class Shape>
struct SumTiles {
  using Tiles = typename Product::Tiles;
  static constexpr int row_bytes = panel_row_bytes<Shape::columns>;

  [[gnu::always_inline]] static void clear() {
    unrolled<Shape::rows * Shape::columns>([](auto i) TESSERA_LAMBDA { Tiles::template zero<i.value>(); });
  }
  /// [rows][panel], the lower row tile `upper` rows further down.
  [[gnu::always_inline]] static void load(const std::byte* from, int upper) {
    unrolled<Shape::rows>([&](auto r) TESSERA_LAMBDA {
      unrolled<Shape::columns>([&](auto c) TESSERA_LAMBDA {
        Tiles::template load<Shape::sum(r.value, c.value)>(
            from + r.value * upper * row_bytes + c.value * tile_row_bytes, row_bytes);
      });
    });
  }
  [[gnu::always_inline]] static void store(std::byte* to, int upper) {
    unrolled<Shape::rows>([&](auto r) TESSERA_LAMBDA {
      unrolled<Shape::columns>([&](auto c) TESSERA_LAMBDA {
        Tiles::template store<Shape::sum(r.value, c.value)>(to + r.value * upper * row_bytes + c.value * tile_row_bytes,
                                                            row_bytes);
      });
    });
  }
  /// Two row tiles or more share a panel, which has to stay in L1; a panel for few rows is used only once.
  template <int tile>
  [[gnu::always_inline]] static void load_a(const std::byte* from, std::int64_t stride) {
    Shape::columns == 4 ? Tiles::template load<tile>(from, stride) : Tiles::template load_once<tile>(from, stride);
  }
  template <int tile>
  [[gnu::always_inline]] static void load_b(const std::byte* from) {
    Shape::columns == 4 ? Tiles::template load_once<tile>(from, row_bytes)
                        : Tiles::template load<tile>(from, row_bytes);
  }
  /// Adds the products of one chunk. Each product is followed by some of the other work there is.
  template <class Aside>
  [[gnu::always_inline]] static void add_chunk(const std::byte* upper, const std::byte* lower, const TileSource (&a)[2],
                                               const std::byte* b, Aside& aside) {
    unrolled<Shape::columns>([&](auto c) TESSERA_LAMBDA {
      if constexpr (c.value == 0) load_a<Shape::a(0)>(upper, a[0].stride);
      load_b<Shape::b(c.value)>(b + c.value * tile_row_bytes);
      Product::template add<Shape::sum(0, c.value), Shape::a(0), Shape::b(c.value)>();
      aside.some();
    });
    if constexpr (Shape::rows == 2) {
      load_a<Shape::a(1)>(lower, a[1].stride);
      unrolled<Shape::columns>([&](auto c) TESSERA_LAMBDA {
        Product::template add<Shape::sum(1, c.value), Shape::a(1), Shape::b(c.value)>();
        aside.some();
      });
    }
  }
  /// Adds the products of `chunks` whole chunks.
  template <class Aside>
  [[gnu::always_inline]] static void add(const TileSource (&a)[2], const std::byte* b, std::int64_t chunks,
                                         Aside& aside) {
    for (std::int64_t c = 0; c < chunks; ++c, b += panel_chunk_bytes<Shape::columns>)
      add_chunk(a[0].data + c * chunk_bytes, a[1].data + c * chunk_bytes, a, b, aside);
  }
};

/// B of a block. Its last chunk is copied and padded with zeros when it is short: tiles load 16 groups, and memory may
/// end before that.
template <int column_tiles>
struct PanelChunks {
  const std::byte* last = nullptr;  ///< null: the last chunk is whole
  const std::byte* end = nullptr;   ///< behind the block
  alignas(64) std::byte padded[panel_chunk_bytes<column_tiles>];

  template <class Product>
  [[gnu::always_inline]] void prepare(const BrgemmBlock& block) {
    std::int64_t groups = 0;
    for (int s = 0; s < block.segment_count; ++s)
      groups += (block.segments[s].k * Product::element_bytes + group_bytes - 1) / group_bytes;
    const auto rest = static_cast<int>(groups % chunk_groups);
    end = block.b + groups * panel_row_bytes<column_tiles>;
    if (rest == 0) return;
    const std::byte* from = block.b + (groups - rest) * panel_row_bytes<column_tiles>;
    for (int i = 0; i < column_tiles * chunk_groups; ++i)
      store_u8x64(padded + i * 64, i < column_tiles * rest ? load_u8x64(from + i * 64) : zero_u8x64());
    last = padded;
  }
};

/// The products of all segments with some rows, added to the sum tiles. Where chunks begin and end depends on the
/// segments alone, not on where rows lie: bf16 sums keep their bits however rows are shared among threads.
template <class Product, class Shape, class Aside>
TESSERA_INLINE void add_products(const BrgemmBlock& block, const PanelChunks<Shape::columns>& panel,
                                 const RowTile (&rows)[2], Aside& aside) {
  using Tiles = SumTiles<Product, Shape>;
  alignas(64) std::byte slices[Shape::rows][tile_rows * slice_stride];
  const std::byte* b = block.b;
  TileSource a[2] = {};
  for (Position at; at.segment < block.segment_count;) {
    const KSegment& segment = block.segments[at.segment];
    const std::int64_t bytes = segment.k * Product::element_bytes;
    if (bytes - at.byte < chunk_bytes) {
      JoinedChunk chunk;
      join<Product>(block, at, chunk);
      if (chunk.pieces == 0) break;
      for (int t = 0; t < Shape::rows; ++t) a[t] = copy_joined(rows[t], chunk, slices[t]);
      Tiles::add(a, chunk.groups == chunk_groups ? b : panel.last, 1, aside);
      b += panel_chunk_bytes<Shape::columns>;
      continue;
    }
    const bool in_place = rows[0].evenly_spaced && (Shape::rows == 1 || rows[1].evenly_spaced);
    std::int64_t chunks = (bytes - at.byte) / chunk_bytes;
    if (!in_place && chunks > slice_chunks) chunks = slice_chunks;
    for (int t = 0; t < Shape::rows; ++t)
      a[t] = in_place_or_copied(rows[t], segment.a_offset + at.byte, static_cast<int>(chunks), slices[t]);
    Tiles::add(a, b, chunks, aside);
    b += chunks * panel_chunk_bytes<Shape::columns>;
    at.byte += chunks * chunk_bytes;
    if (at.byte == bytes) at = {at.segment + 1, 0};
  }
}

/// Rows row..row+count-1 of a block, which become `target` ([count][panel]).
struct Part {
  const BrgemmBlock& block;
  int row, count;
  std::byte* target;
  const std::byte* next;  ///< this part's share of what follows the block in B
};

/// What is done between products: finishing what is left from before, and fetching what comes next in B (the next K
/// block or panel) to L2.
template <class Shape, class Rest>
struct Aside {
  /// Four parts together fetch as much as each of them reads; a part with a panel of its own fetches all of it.
  static constexpr int lines = Shape::columns == 4 ? 16 : 2;
  Rest rest;
  const std::byte* next;

  [[gnu::always_inline]] void some() {
    rest.some();
    unrolled<lines>([&](auto line) TESSERA_LAMBDA { _mm_prefetch(next + line.value * 64, _MM_HINT_T1); });
    next += lines * 64;
  }
};

template <class Product, class Shape, class Rest>
void multiply_part(const Part& part, const PanelChunks<Shape::columns>& panel, TileSession::Unfinished& unfinished) {
  const BrgemmBlock& block = part.block;
  const int upper = Shape::rows == 2 ? upper_rows(part.count) : part.count;
  RowTile rows[2] = {look_at_rows(block.a_rows + part.row, upper), {}};
  if constexpr (Shape::rows == 2) rows[1] = look_at_rows(block.a_rows + part.row + upper, part.count - upper);
  using Tiles = SumTiles<Product, Shape>;
  if (block.first) {
    Tiles::clear();
  } else {
    Tiles::load(block.accumulators + part.row * panel_row_bytes<Shape::columns>, upper);
  }
  Aside<Shape, Rest> aside{Rest(unfinished), part.next};
  add_products<Product, Shape>(block, panel, rows, aside);
  aside.rest.keep_count(unfinished);
  Tiles::store(part.target, upper);
}

/// The loop that finishes what is left from before while it multiplies.
template <class Product, Sums sums, class Shape>
TESSERA_INLINE void multiply_and_finish(const Part& part, const PanelChunks<Shape::columns>& panel,
                                        TileSession::Unfinished& unfinished) {
  if constexpr (Shape::rows == 2) {
    if (can_interleave<sums>(unfinished))
      return for_finisher<sums>(*unfinished.block.epilogue, [&](auto finisher) TESSERA_LAMBDA {
        using Columns = typename decltype(finisher)::Columns;
        multiply_part<Product, Shape, RowsLeft<Columns>>(part, panel, unfinished);
      });
  }
  multiply_part<Product, Shape, NothingLeft>(part, panel, unfinished);
}

template <class Product, Sums sums, int column_tiles>
TESSERA_INLINE void run_in_session(const BrgemmBlock& block, TileSession& session) {
  constexpr int most_row_tiles = 4 / column_tiles, most_rows = most_row_tiles * tile_rows;
  static constexpr char owner = 0;
  PanelChunks<column_tiles> panel;
  panel.template prepare<Product>(block);
  TileSession::Unfinished& unfinished = session.unfinished(&owner);

  const int parts = (block.m + most_rows - 1) / most_rows;
  const int height = block.m / parts;
  const int taller = block.m % parts;
  for (int p = 0, row = 0; p < parts; ++p) {
    const int count = height + (p < taller);
    std::byte* const target =
        block.last ? session.next_sums() : block.accumulators + row * panel_row_bytes<column_tiles>;
    const Part part{block, row, count, target, panel.end + p * ((panel.end - block.b) / 4)};
    session.configure<typename Product::Tiles>(tile_configurations<column_tiles>.of_rows[count]);
    if (count > tile_rows) {
      multiply_and_finish<Product, sums, TileShape<most_row_tiles, column_tiles>>(part, panel, unfinished);
    } else {
      multiply_and_finish<Product, sums, TileShape<1, column_tiles>>(part, panel, unfinished);
    }
    session.finish();
    if (block.last)
      unfinished = {block, row, count, target, finish_for<sums, column_tiles * 16>(*block.epilogue), &owner};
    row += count;
  }
}

/// Panels of `column_tiles` tiles: two, or four for few rows.
template <class Product, Sums sums, int column_tiles>
TESSERA_INLINE void run_block(const BrgemmBlock& block) {
  if (block.m <= 0) return;
  if (block.tiles != nullptr) return run_in_session<Product, sums, column_tiles>(block, *block.tiles);
  TileSession session;
  run_in_session<Product, sums, column_tiles>(block, session);
}

}  // namespace
}  // namespace tessera
