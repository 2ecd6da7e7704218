// AttentionStep: softmax(scale * Q K^T + mask) V for every batch item and head, without the scores ever leaving the
// cache.
//
// Members share (batch item, head, block of queries). For a unit a member packs K^T and V of the head as B panels into
// its scratch, then for each row block computes the scores, their softmax and the product with V. The scores stay as
// the product leaves its sums, in blocks of a panel's columns; the softmax reads them there.
//
// Either product may multiply integers. Q, K and V then become u8 on the way into scratch, and the softmax writes u8.
// What a zero point of K adds to the scores is the same for all keys of a query, so the softmax does not see it, and it
// is left out; that of V times the sum of a row's probabilities is added to the row in the end.
#pragma once

#include <optional>
#include <vector>

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"

namespace tessera {

struct AttentionSpec {
  /// Row (token) t of operand o starts at buffer + offset + t * stride bytes; all heads side by side.
  struct Tokens {
    BufferId buffer = no_buffer;
    std::int64_t offset = 0, stride = 0;
  };
  Tokens q, k, v;
  DataType type = DataType::f32;  ///< of q, k and v: f32 or bf16
  /// What the u8 stand for that a product multiplies, left and right; nothing: floats.
  struct Integers {
    Dequantize left, right;
  };
  std::optional<Integers> scores_in, context_in;  ///< probabilities: zero point 0
  BufferId y = no_buffer;
  DataType y_type = DataType::f32;
  Requantize y_quantization;
  std::int64_t y_stride = 0;  ///< bytes between tokens
  std::int64_t batch = 1, heads = 1, head_size = 64, queries = 0, keys = 0;
  std::int64_t sharing = 1;  ///< neighbouring heads of Q that one head of K and V serves
  float scale = 1.0F;
  bool nan_is_zero = false;   ///< a query whose probabilities are NaN gets zeros; they must be floats
  BufferId mask = no_buffer;  ///< f32, additive; strides in elements, 0 where it is broadcast
  std::int64_t mask_batch_stride = 0, mask_head_stride = 0, mask_query_stride = 0;
};

class AttentionStep final : public Step {
 public:
  /// The kernels of Q K^T and of P V: u8 x s8 with groups of 4 or s16 x s16 where they multiply integers.
  AttentionStep(const BrgemmKernel& scores, const BrgemmKernel& context, const VectorKernels& vector,
                const AttentionSpec& spec);

  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override { return scratch_bytes_; }

 private:
  /// Byte offsets into a member's scratch.
  struct Areas {
    std::size_t k_panels = 0, v_panels = 0, scores = 0, weights = 0;
    std::size_t bytes = 0;         ///< rows as u8, before they are packed or widened
    std::size_t q = 0;             ///< a block of queries as s16
    std::size_t wide_weights = 0;  ///< probabilities as s16
    std::size_t compensation = 0;  ///< one s32 a key
    std::size_t corrections = 0;   ///< a row of f32 a query, for a zero point of V
  };
  /// Rows of one head: where they begin, and how far apart they are.
  struct Rows {
    const std::byte* data = nullptr;
    std::int64_t stride = 0;
  };

  [[nodiscard]] Rows rows_of(const RunContext& context, const AttentionSpec::Tokens& tokens, std::int64_t token,
                             std::int64_t head) const noexcept;
  void pack_head(const RunContext& context, std::int64_t batch, std::int64_t head) const noexcept;
  void pack_keys(const RunContext& context, Rows keys) const noexcept;
  void pack_values(const RunContext& context, Rows values) const noexcept;
  void compensate(const RunContext& context) const noexcept;
  /// `count` rows as u8 in scratch.
  Rows quantize(const RunContext& context, Rows rows, std::int64_t count, const Dequantize& as) const noexcept;
  /// The queries of a block as the kernel wants them.
  Rows query_rows(const RunContext& context, Rows rows, int count) const noexcept;
  void run_rows(const RunContext& context, TileSession& tiles, std::int64_t batch, std::int64_t head,
                std::int64_t first, int rows) const noexcept;
  void multiply_keys(const RunContext& context, TileSession& tiles, Rows queries, int rows) const noexcept;
  void softmax(const RunContext& context, std::int64_t batch, std::int64_t head, std::int64_t first,
               int rows) const noexcept;
  void clear_nan(std::byte* weights, int rows) const noexcept;
  /// The probabilities as the kernel wants them.
  Rows weight_rows(const RunContext& context, int rows) const noexcept;
  void multiply_values(const RunContext& context, TileSession& tiles, Rows weights, std::byte* y,
                       int rows) const noexcept;
  void correct(const RunContext& context, int rows) const noexcept;

  const BrgemmKernel& scores_;
  const BrgemmKernel& context_;
  const VectorKernels& vector_;
  AttentionSpec spec_;
  int row_block_;  ///< queries handled together
  Areas areas_;
  std::size_t scratch_bytes_ = 0;
  std::int64_t key_panels_ = 0, value_panels_ = 0;
  std::int64_t key_panel_bytes_ = 0, value_panel_bytes_ = 0;
  std::int64_t score_block_bytes_ = 0;  ///< scores of one panel of keys
  std::int64_t weight_stride_ = 0;      ///< bytes between rows of probabilities
  std::int64_t wide_stride_ = 0;        ///< the same for probabilities as s16
  std::int64_t query_stride_ = 0;       ///< bytes between queries in scratch
  std::vector<float> context_scale_;    ///< of the integer sums of P V, one a column of the panels
};

}  // namespace tessera
