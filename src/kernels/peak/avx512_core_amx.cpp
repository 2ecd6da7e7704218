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

}  // namespace tessera
