#include "kernels/brgemm/amx_block.hpp"
#include "kernels/brgemm/kernels.hpp"

namespace tessera {

void brgemm_avx512_core_amx_u8s8(const BrgemmBlock& block) {
  run_block<U8S8Product<AmxTiles>, Sums::s32, 2>(block);
}
void brgemm_avx512_core_amx_u8s8_few(const BrgemmBlock& block) {
  run_block<U8S8Product<AmxTiles>, Sums::s32, 4>(block);
}

}  // namespace tessera
