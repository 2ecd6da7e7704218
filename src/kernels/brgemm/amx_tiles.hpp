// The tile unit: its instructions, and how its eight tiles are used.
//
// Written in assembler because GCC 12's intrinsics do not tell the compiler that a tile load reads memory; it may then
// move the stores that prepare an operand behind the load.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

/// A tile has at most 16 rows of 64 bytes: 16 accumulators of 32 bits, or one chunk of k.
constexpr int tile_rows = 16;
constexpr int tile_row_bytes = 64;

/// Tiles 0-3 hold sums: two rows of tiles and two columns, or one row and four columns where there are at most 16 rows.
/// Four independent sums are what hides the latency of a product (52 cycles, one every 16), and each loaded operand
/// serves two (or four) of them. Tiles 4 and 5 hold rows of A, 6 and 7 columns of B, each as soon as it is free again.
template <int row_tiles, int column_tiles>
struct TileShape {
  static_assert(row_tiles * column_tiles <= 4);
  static constexpr int rows = row_tiles, columns = column_tiles;
  static constexpr int sum(int row_tile, int column_tile) { return row_tile * column_tiles + column_tile; }
  static constexpr int a(int row_tile) { return 4 + row_tile; }
  static constexpr int b(int column_tile) { return 6 + column_tile % 2; }
};

/// How `rows` rows lie in two row tiles: evenly, as a product takes as many cycles as it has rows.
constexpr int upper_rows(int rows) {
  return rows <= tile_rows ? rows : (rows + 1) / 2;
}

/// The memory operand of LDTILECFG.
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1, start_row = 0;
  std::uint8_t reserved_1[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};

  constexpr void set(int tile, int tile_row_count) {
    rows[tile] = static_cast<std::uint8_t>(tile_row_count);
    row_bytes[tile] = tile_row_count == 0 ? 0 : tile_row_bytes;  // a tile without rows must have no columns either
  }
};

/// One for each number of rows. A chunk of k is always whole: short ones are padded with zeros when they are copied.
template <int column_tiles>
struct TileConfigurations {
  static constexpr int row_tiles = 4 / column_tiles;
  TileConfiguration of_rows[row_tiles * tile_rows + 1];

  constexpr TileConfigurations() : of_rows{} {
    for (int rows = 1; rows <= row_tiles * tile_rows; ++rows) {
      TileConfiguration& c = of_rows[rows];
      using Shape = TileShape<row_tiles, column_tiles>;
      for (int column = 0; column < column_tiles; ++column) c.set(Shape::b(column), tile_rows);
      const int counts[2] = {upper_rows(rows), rows - upper_rows(rows)};
      for (int row = 0; row < row_tiles; ++row) {
        c.set(Shape::a(row), counts[row]);
        for (int column = 0; column < column_tiles; ++column) c.set(Shape::sum(row, column), counts[row]);
      }
    }
  }
};

template <int column_tiles>
constexpr TileConfigurations<column_tiles> tile_configurations{};

/// The tile unit of the CPU.
struct AmxTiles {
  template <int tile>
  [[gnu::always_inline]] static void zero() {
    __asm__ volatile("tilezero %%tmm%c0" ::"i"(tile));
  }
  /// Rows `stride` bytes apart.
  template <int tile>
  [[gnu::always_inline]] static void load(const std::byte* from, std::int64_t stride) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
  }
  /// The same for rows that should not push others out of L1.
  template <int tile>
  [[gnu::always_inline]] static void load_once(const std::byte* from, std::int64_t stride) {
    __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
  }
  template <int tile>
  [[gnu::always_inline]] static void store(std::byte* to, std::int64_t stride) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(tile) : "memory");
  }
  /// sum += a * b, 64 products of u8 and s8 for every element of `sum`.
  template <int sum, int a, int b>
  [[gnu::always_inline]] static void add_u8s8() {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(a), "i"(b));
  }
  /// The same with 32 products of bf16.
  template <int sum, int a, int b>
  [[gnu::always_inline]] static void add_bf16() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(a), "i"(b));
  }
  [[gnu::always_inline]] static void configure(const TileConfiguration& configuration) {
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration) : "memory");
  }
  static void release() { __asm__ volatile("tilerelease" ::: "memory"); }
};

/// The types that a kernel multiplies, on a tile unit.
template <class TileUnit>
struct U8S8Product {
  using Tiles = TileUnit;
  static constexpr int element_bytes = 1;
  template <int sum, int a, int b>
  [[gnu::always_inline]] static void add() {
    Tiles::template add_u8s8<sum, a, b>();
  }
};

template <class TileUnit>
struct Bf16Product {
  using Tiles = TileUnit;
  static constexpr int element_bytes = 2;
  template <int sum, int a, int b>
  [[gnu::always_inline]] static void add() {
    Tiles::template add_bf16<sum, a, b>();
  }
};

/// f(Index<0>), f(Index<1>), ...: tile numbers are part of an instruction.
template <int i>
struct Index {
  static constexpr int value = i;
};
template <int count, int i = 0, class F>
[[gnu::always_inline]] inline void unrolled(const F& f) {
  if constexpr (i < count) {
    f(Index<i>{});
    unrolled<count, i + 1>(f);
  }
}

}  // namespace
}  // namespace tessera
