// The sums of some rows and one panel in tiles: how they start, how one chunk of k is added, and how they are stored.
#pragma once

#include "kernels/brgemm/amx_rows.hpp"
#include "kernels/brgemm/tile_session.hpp"

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

  /// One tile of sums in memory, [rows][panel]; the lower row tile lies `lower` rows further down.
  template <int row_tile, int column_tile>
  [[gnu::always_inline]] static void load(const std::byte* from, int lower) {
    Tiles::template load<Shape::sum(row_tile, column_tile)>(
        from + row_tile * lower * row_bytes + column_tile * tile_row_bytes, row_bytes);
  }
  template <int row_tile, int column_tile>
  [[gnu::always_inline]] static void store(std::byte* to, int lower) {
    Tiles::template store<Shape::sum(row_tile, column_tile)>(
        to + row_tile * lower * row_bytes + column_tile * tile_row_bytes, row_bytes);
  }
  /// f(row tile, column tile) for all of them, in the order of their first products.
  template <class F>
  [[gnu::always_inline]] static void for_each(const F& f) {
    unrolled<Shape::rows>([&](auto r)
                              TESSERA_LAMBDA { unrolled<Shape::columns>([&](auto c) TESSERA_LAMBDA { f(r, c); }); });
  }
  static void store_all(const TileSession::Unfinished& rows) {
    for_each([&](auto r, auto c) TESSERA_LAMBDA { store<r.value, c.value>(rows.sums, rows.lower); });
  }

  /// How a tile gets from the rows before to the first product of its rows. Storing it at once would take as long as
  /// four products; here it is stored while the products of the other tiles run.
  struct Start {
    const TileSession::Unfinished& before;
    const std::byte* from;  ///< sums to add to; null: zero
    int lower;

    template <int row_tile, int column_tile>
    [[gnu::always_inline]] void tile() const {
      if (before.rows != 0) store<row_tile, column_tile>(before.sums, before.lower);
      if (from != nullptr) {
        load<row_tile, column_tile>(from, lower);
      } else {
        Tiles::template zero<Shape::sum(row_tile, column_tile)>();
      }
    }
  };
  /// When that has happened.
  struct Started {
    template <int row_tile, int column_tile>
    [[gnu::always_inline]] void tile() const {}
  };

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
  /// Adds the products of one chunk, `offset` bytes into the rows of `a`. Each product is followed by some of the other
  /// work there is.
  template <class Begin, class Aside>
  [[gnu::always_inline]] static void add_chunk(const TileSource (&a)[2], std::int64_t offset, const std::byte* b,
                                               const Begin& begin, Aside& aside) {
    unrolled<Shape::columns>([&](auto c) TESSERA_LAMBDA {
      if constexpr (c.value == 0) load_a<Shape::a(0)>(a[0].data + offset, a[0].stride);
      load_b<Shape::b(c.value)>(b + c.value * tile_row_bytes);
      begin.template tile<0, c.value>();
      Product::template add<Shape::sum(0, c.value), Shape::a(0), Shape::b(c.value)>();
      aside.some();
    });
    if constexpr (Shape::rows == 2) {
      load_a<Shape::a(1)>(a[1].data + offset, a[1].stride);
      unrolled<Shape::columns>([&](auto c) TESSERA_LAMBDA {
        begin.template tile<1, c.value>();
        Product::template add<Shape::sum(1, c.value), Shape::a(1), Shape::b(c.value)>();
        aside.some();
      });
    }
  }
};

}  // namespace
}  // namespace tessera
