#include "kernels/brgemm/amx_block.hpp"
#include "kernels/brgemm/kernels.hpp"

namespace tessera {

void brgemm_avx512_core_amx_bf16(const BrgemmBlock& block) {
  run_block<Bf16Product<AmxTiles>, Sums::f32, 2>(block);
}
void brgemm_avx512_core_amx_bf16_few(const BrgemmBlock& block) {
  run_block<Bf16Product<AmxTiles>, Sums::f32, 4>(block);
}

}  // namespace tessera
