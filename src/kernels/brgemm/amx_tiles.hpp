// The tile unit: its instructions, and how its eight tiles are used.
//
// Written in assembler because GCC 12's intrinsics do not tell the compiler that a tile load reads memory; it may then
// move the stores that prepare an operand behind the load.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/brgemm/tile_session.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

/// A tile has at most 16 rows of 64 bytes: 16 accumulators of 32 bits, or one chunk of k.
constexpr int tile_rows = 16;
constexpr int tile_row_bytes = 64;

/// Two by two tiles of sums, from two tiles of rows of A and two of columns of B: four independent sums are what hides
/// the latency of a product (52 cycles, one every 16), and each loaded operand is used twice.
constexpr int sum_tile(int row_tile, int column_tile) {
  return row_tile * 2 + column_tile;
}
constexpr int a_tile(int row_tile) {
  return 4 + row_tile;
}
constexpr int b_tile(int column_tile) {
  return 6 + column_tile;
}
constexpr int most_rows = 2 * tile_rows;

/// How `rows` rows lie in the two tiles: evenly, as a product takes as many cycles as it has rows.
constexpr int upper_rows(int rows) {
  return rows <= tile_rows ? rows : (rows + 1) / 2;
}

/// The memory operand of LDTILECFG.
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1, start_row = 0;
  std::uint8_t reserved_1[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

struct TileConfigurations {
  TileConfiguration of_rows[most_rows + 1];
};

constexpr TileConfigurations make_configurations() {
  TileConfigurations all{};
  for (int rows = 1; rows <= most_rows; ++rows) {
    const int counts[2] = {upper_rows(rows), rows - upper_rows(rows)};
    TileConfiguration& c = all.of_rows[rows];
    for (int i = 0; i < 2; ++i) {
      c.rows[b_tile(i)] = tile_rows;
      c.rows[a_tile(i)] = c.rows[sum_tile(i, 0)] = c.rows[sum_tile(i, 1)] = static_cast<std::uint8_t>(counts[i]);
    }
    // A tile without rows must have no columns either.
    for (int tile = 0; tile < 8; ++tile) c.row_bytes[tile] = c.rows[tile] == 0 ? 0 : tile_row_bytes;
  }
  return all;
}

/// One for each number of rows. A chunk of k is always whole: short ones are padded with zeros when they are copied.
constexpr TileConfigurations tile_configurations = make_configurations();

template <int tile>
TESSERA_INLINE void tile_zero() {
  __asm__ volatile("tilezero %%tmm%c0" ::"i"(tile));
}

template <int tile>
TESSERA_INLINE void tile_load(const std::byte* from, std::int64_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
}

template <int tile>
TESSERA_INLINE void tile_store(std::byte* to, std::int64_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(tile) : "memory");
}

/// sum += a * b, with 64 u8 times s8 or 32 bf16 products for every element of `sum`.
struct U8S8Product {
  static constexpr int element_bytes = 1;
  template <int sum, int a, int b>
  [[gnu::always_inline]] static void add() {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(a), "i"(b));
  }
};

struct Bf16Product {
  static constexpr int element_bytes = 2;
  template <int sum, int a, int b>
  [[gnu::always_inline]] static void add() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(a), "i"(b));
  }
};

}  // namespace
}  // namespace tessera
