// Tiles: four accumulators hide the latency of a tile product (about 52 cycles at one every 16).
#include "kernels/brgemm/tile_session.hpp"
#include "kernels/peak/loops.hpp"
#include "kernels/simd/intrinsics.hpp"

namespace tessera {
namespace {

/// Palette 1, eight tiles of 16 rows of 64 bytes: the operand of LDTILECFG.
struct alignas(64) FullTiles {
  unsigned char palette = 1, start_row = 0, reserved[14] = {};
  unsigned short row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  unsigned char rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr FullTiles full_tiles;

void zero_tiles() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
}

}  // namespace

void peak_avx512_core_amx_int8(std::int64_t iterations) {
  TileSession tiles;
  tiles.load(full_tiles);
  zero_tiles();
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
}

void peak_avx512_core_amx_bf16(std::int64_t iterations) {
  TileSession tiles;
  tiles.load(full_tiles);
  zero_tiles();
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

}  // namespace tessera
