#include "kernels/brgemm/avx512_ops.hpp"
#include "kernels/brgemm/kernels.hpp"
#include "kernels/brgemm/run_block.hpp"

namespace tessera {

void brgemm_avx512_core_f32(const BrgemmBlock& block) {
  run_block<F32Ops, Sums::f32, 14>(block);
}
void brgemm_avx512_core_bf16(const BrgemmBlock& block) {
  run_block<WidenedBf16Ops, Sums::f32, 14>(block);
}
void brgemm_avx512_core_f32bf16(const BrgemmBlock& block) {
  run_block<F32Bf16Ops, Sums::f32, 14>(block);
}
void brgemm_avx512_core_u8s8(const BrgemmBlock& block) {
  run_block<WidenedU8S8Ops, Sums::s32, 14>(block);
}
void brgemm_avx512_core_s16(const BrgemmBlock& block) {
  run_block<S16Ops, Sums::s32, 14>(block);
}

}  // namespace tessera
