#include "kernels/brgemm/amx_block.hpp"
#include "kernels/brgemm/kernels.hpp"

namespace tessera {

void brgemm_avx512_core_amx_u8s8(const BrgemmBlock& block) {
  run_block<U8S8Product, Sums::s32>(block);
}
void brgemm_avx512_core_amx_bf16(const BrgemmBlock& block) {
  run_block<Bf16Product, Sums::f32>(block);
}

}  // namespace tessera
