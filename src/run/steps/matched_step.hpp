// MatchedStep: a product of u8 and s8 on CPUs without dot products, at the full rate of vpmaddubsw and exactly
// (kernels/matched/). Loop order, outside in:
//   members share the grid of vectors of 8 rows x column panels -> row block (interleaved, stays in L2) -> panel ->
//   block of k -> tile of rows (stays in L1) -> column. The sums of a panel go through the epilogue of the kernel of
//   bytes.
#pragma once

#include <optional>

#include "run/plan.hpp"
#include "run/steps/gemm_step.hpp"
#include "run/steps/matched_lists.hpp"

namespace tessera {

struct MatchedSpec {
  GemmSpec gemm;  ///< one group, symmetric weights, the epilogue of `finisher`; without packed weights
  MatchedK k;
  PackedWeight weights;
};

class MatchedStep final : public Step {
 public:
  /// `finisher`: a kernel of s32 sums and panels of matched_columns, for its epilogue.
  MatchedStep(const BrgemmKernel& finisher, const MatchedBytes& kernels, const MatchedSpec& spec);

  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override;

  /// What members share.
  [[nodiscard]] Grid grid() const noexcept;
  /// How that many members divide the grid; other numbers of members, and without this all, do as split_grid says.
  void divide_as(const std::optional<GridSplit>& split) noexcept { split_ = split; }

 private:
  struct Rows;

  [[nodiscard]] std::int64_t vector_bytes() const noexcept;  ///< of 8 interleaved rows
  void interleave(const Rows& rows, std::byte* to) const noexcept;
  void multiply(const Rows& rows, const MatchedLists& lists, const std::byte* a, std::int64_t panel,
                std::byte* sums) const noexcept;
  void run_block(const RunContext& context, std::int64_t first_row, int count, Range panels) const noexcept;

  const BrgemmKernel& finisher_;
  const MatchedBytes& kernels_;
  MatchedSpec spec_;
  std::int64_t rows_ = 0, panels_ = 0;
  int row_block_ = 0;
  std::optional<GridSplit> split_;
};

}  // namespace tessera
