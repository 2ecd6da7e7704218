// Tiles: four accumulators hide the latency of a tile product (about 52 cycles at one every 16).
#include "kernels/brgemm/amx_tiles.hpp"
#include "kernels/brgemm/tile_session.hpp"
#include "kernels/peak/loops.hpp"

namespace tessera {
namespace {

template <class Product>
TESSERA_INLINE void products(std::int64_t iterations) {
  TileSession session;
  session.configure<AmxTiles>(tile_configurations<2>.of_rows[2 * tile_rows]);
  unrolled<8>([](auto tile) TESSERA_LAMBDA { AmxTiles::zero<tile.value>(); });
  for (std::int64_t i = 0; i < iterations; ++i) {
    Product::template add<0, 4, 6>();
    Product::template add<1, 4, 7>();
    Product::template add<2, 5, 6>();
    Product::template add<3, 5, 7>();
  }
}

}  // namespace

void peak_avx512_core_amx_int8(std::int64_t iterations) {
  products<U8S8Product<AmxTiles>>(iterations);
}

void peak_avx512_core_amx_bf16(std::int64_t iterations) {
  products<Bf16Product<AmxTiles>>(iterations);
}

void step_avx512_core_amx(std::int64_t steps) {
  constexpr int tile_bytes = tile_rows * tile_row_bytes;
  alignas(64) static const std::byte operands[2][4 * tile_bytes] = {};
  TileSession session;
  session.configure<AmxTiles>(tile_configurations<2>.of_rows[2 * tile_rows]);
  unrolled<4>([](auto tile) TESSERA_LAMBDA { AmxTiles::zero<tile.value>(); });
  using Product = U8S8Product<AmxTiles>;
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::byte* const a = operands[i & 1];
    AmxTiles::load<4>(a, tile_row_bytes);
    AmxTiles::load<6>(a + tile_bytes, tile_row_bytes);
    Product::add<0, 4, 6>();
    AmxTiles::load<7>(a + 2 * tile_bytes, tile_row_bytes);
    Product::add<1, 4, 7>();
    AmxTiles::load<5>(a + 3 * tile_bytes, tile_row_bytes);
    Product::add<2, 5, 6>();
    Product::add<3, 5, 7>();
  }
}

}  // namespace tessera
