// The AMX kernels on the plain tile unit, with the vector code of AVX2.
#include "kernels/brgemm/amx_block.hpp"
#include "unit/kernels/brgemm_tiles/kernels.hpp"
#include "unit/kernels/brgemm_tiles/plain_tiles.hpp"

namespace tessera::testing {
namespace {

void u8s8(const BrgemmBlock& block) {
  run_block<U8S8Product<PlainTiles>, Sums::s32, 2>(block);
}
void bf16(const BrgemmBlock& block) {
  run_block<Bf16Product<PlainTiles>, Sums::f32, 2>(block);
}
void u8s8_few(const BrgemmBlock& block) {
  run_block<U8S8Product<PlainTiles>, Sums::s32, 4>(block);
}
void bf16_few(const BrgemmBlock& block) {
  run_block<Bf16Product<PlainTiles>, Sums::f32, 4>(block);
}

constexpr BrgemmKernel kernels[] = {
    {"plain tiles u8s8 32x32", Isa::avx2, DataType::u8, DataType::s8, 32, 32, 4, u8s8},
    {"plain tiles bf16 32x32", Isa::avx2, DataType::bf16, DataType::bf16, 32, 32, 2, bf16},
    {"plain tiles u8s8 16x64", Isa::avx2, DataType::u8, DataType::s8, 16, 64, 4, u8s8_few},
    {"plain tiles bf16 16x64", Isa::avx2, DataType::bf16, DataType::bf16, 16, 64, 2, bf16_few},
};

}  // namespace

std::span<const BrgemmKernel> plain_tile_kernels() noexcept {
  return kernels;
}

bool plain_tiles_in_use() noexcept {
  return tile_file.configured;
}

void multiply_without_configuration() {
  PlainTiles::release();
  PlainTiles::add_u8s8<0, 4, 6>();
}

}  // namespace tessera::testing
