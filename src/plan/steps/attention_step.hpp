// AttentionStep: softmax(scale * Q K^T + mask) V for every batch item and head, without the scores ever leaving the
// cache.
//
// Members share (batch item, head, block of queries). For a unit a member packs K^T and V of the head as B panels into
// its scratch, then for each row block computes the scores, their softmax and the product with V.
#pragma once

#include "kernels/brgemm/brgemm.hpp"
#include "plan/builder.hpp"

namespace tessera {

struct AttentionSpec {
  /// Row (token) t of operand o starts at buffer + offset + t * stride bytes; all heads side by side.
  struct Tokens {
    BufferId buffer = no_buffer;
    std::int64_t offset = 0, stride = 0;
  };
  Tokens q, k, v;
  DataType type = DataType::f32;  ///< of q, k and v: f32 or bf16
  BufferId y = no_buffer;
  DataType y_type = DataType::f32;
  Requantize y_quantization;
  std::int64_t batch = 1, heads = 1, head_size = 64, queries = 0, keys = 0;
  float scale = 1.0F;
  BufferId mask = no_buffer;  ///< f32, additive; strides in elements, 0 where it is broadcast
  std::int64_t mask_batch_stride = 0, mask_head_stride = 0, mask_query_stride = 0;
};

class AttentionStep final : public Step {
 public:
  AttentionStep(const BrgemmKernel& kernel, const VectorKernels& vector, const AttentionSpec& spec);

  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override { return scratch_bytes_; }

 private:
  /// Byte offsets into a member's scratch.
  struct Areas {
    std::size_t k_panels = 0, v_panels = 0, scores = 0, weights = 0;
  };

  void pack_head(const RunContext& context, std::int64_t batch, std::int64_t head) const noexcept;
  void run_rows(const RunContext& context, TileSession& tiles, std::int64_t batch, std::int64_t head,
                std::int64_t first, int rows) const noexcept;
  void softmax(const RunContext& context, std::int64_t batch, std::int64_t head, std::int64_t first,
               int rows) const noexcept;

  const BrgemmKernel& kernel_;
  const VectorKernels& vector_;
  AttentionSpec spec_;
  Areas areas_;
  std::size_t scratch_bytes_ = 0;
  std::int64_t key_panels_ = 0, value_panels_ = 0;
  std::int64_t key_panel_bytes_ = 0, value_panel_bytes_ = 0;
  std::int64_t score_stride_ = 0, weight_stride_ = 0;  ///< bytes between rows in scratch
};

}  // namespace tessera
