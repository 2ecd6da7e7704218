#include "kernels/brgemm/avx2_ops.hpp"
#include "kernels/brgemm/byte_tile.hpp"
#include "kernels/brgemm/kernels.hpp"
#include "kernels/brgemm/run_block.hpp"

namespace tessera {

void brgemm_avx2_f32(const BrgemmBlock& block) {
  run_block<F32Ops, Sums::f32, 6>(block);
}
void brgemm_avx2_bf16(const BrgemmBlock& block) {
  run_block<WidenedBf16Ops, Sums::f32, 6>(block);
}
void brgemm_avx2_f32bf16(const BrgemmBlock& block) {
  run_block<F32Bf16Ops, Sums::f32, 6>(block);
}
void brgemm_avx2_u8s8(const BrgemmBlock& block) {
  run_block<ByteOps, Sums::s32, 6>(block);
}
void brgemm_avx2_s16(const BrgemmBlock& block) {
  run_block<S16Ops, Sums::s32, 6>(block);
}

}  // namespace tessera
