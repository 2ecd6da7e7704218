// A tile unit in plain C++: what AMX does to tiles, with bounds that the sanitizers see and with the faults of the real
// one. The AMX kernels are compiled against it, so that their blocking runs on any CPU.
#pragma once

#include <cstdlib>
#include <cstring>

#include "kernels/brgemm/amx_tiles.hpp"
#include "tessera/bfloat16.hpp"

namespace tessera {
namespace {

/// One thread's eight tiles. Using a tile that is not configured, or operands whose shapes do not go together, ends the
/// program: #UD and #GP do it on the CPU.
struct TileFile {
  TileConfiguration configuration;
  bool configured = false;
  alignas(64) std::byte tile[8][16][64];
};
inline thread_local TileFile tile_file;

struct PlainTiles {
  static void require(bool condition) {
    if (!condition) std::abort();
  }
  static int rows(int tile) {
    require(tile_file.configured && tile_file.configuration.rows[tile] > 0);
    return tile_file.configuration.rows[tile];
  }
  static int row_bytes(int tile) { return tile_file.configuration.row_bytes[tile]; }

  static void configure(const TileConfiguration& configuration) {
    require(configuration.palette == 1 && configuration.start_row == 0);
    for (int t = 0; t < 8; ++t) {
      require(configuration.rows[t] <= 16 && configuration.row_bytes[t] <= 64);
      require((configuration.rows[t] == 0) == (configuration.row_bytes[t] == 0));
    }
    tile_file.configuration = configuration;
    tile_file.configured = true;
    std::memset(tile_file.tile, 0, sizeof(tile_file.tile));
  }
  static void release() { tile_file.configured = false; }

  template <int tile>
  static void zero() {
    require(rows(tile) > 0);
    std::memset(tile_file.tile[tile], 0, sizeof(tile_file.tile[tile]));
  }
  template <int tile>
  static void load(const std::byte* from, std::int64_t stride) {
    const int count = rows(tile);
    std::memset(tile_file.tile[tile], 0, sizeof(tile_file.tile[tile]));
    for (int r = 0; r < count; ++r)
      std::memcpy(tile_file.tile[tile][r], from + r * stride, static_cast<std::size_t>(row_bytes(tile)));
  }
  template <int tile>
  static void load_once(const std::byte* from, std::int64_t stride) {
    load<tile>(from, stride);
  }
  template <int tile>
  static void store(std::byte* to, std::int64_t stride) {
    for (int r = 0; r < rows(tile); ++r)
      std::memcpy(to + r * stride, tile_file.tile[tile][r], static_cast<std::size_t>(row_bytes(tile)));
  }

  /// sum[m][n] += f(group k of row m of a, column n of group k of b) over all groups of 4 bytes.
  template <class Sum, int sum, int a, int b, class F>
  static void add(const F& products) {
    require(rows(sum) == rows(a) && row_bytes(sum) == row_bytes(b) && row_bytes(a) / 4 == rows(b));
    for (int m = 0; m < rows(a); ++m) {
      for (int k = 0; k < row_bytes(a) / 4; ++k) {
        for (int n = 0; n < row_bytes(b) / 4; ++n) {
          std::byte* const at = &tile_file.tile[sum][m][n * 4];
          Sum value;
          std::memcpy(&value, at, 4);
          value = products(value, &tile_file.tile[a][m][k * 4], &tile_file.tile[b][k][n * 4]);
          std::memcpy(at, &value, 4);
        }
      }
    }
  }
  template <int sum, int a, int b>
  static void add_u8s8() {
    add<std::int32_t, sum, a, b>([](std::int32_t value, const std::byte* x, const std::byte* y) {
      for (int i = 0; i < 4; ++i) value += std::to_integer<int>(x[i]) * static_cast<std::int8_t>(y[i]);
      return value;
    });
  }
  template <int sum, int a, int b>
  static void add_bf16() {
    add<float, sum, a, b>([](float value, const std::byte* x, const std::byte* y) {
      bfloat16 left[2], right[2];
      std::memcpy(left, x, 4);
      std::memcpy(right, y, 4);
      for (int i = 0; i < 2; ++i)
        value = __builtin_fmaf(static_cast<float>(left[i]), static_cast<float>(right[i]), value);
      return value;
    });
  }
};

}  // namespace
}  // namespace tessera
