// GemmStep: a convolution or a linear layer as loops around the batch-reduce GEMM. Loop order, outside in:
//   members share the grid of row blocks x column panels -> row block (its A stays in L2) -> panel -> K block (its B
//   stays in L1).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"
#include "run/steps/gemm_spec.hpp"
#include "run/steps/widened_rows.hpp"

namespace tessera {

/// The product as a grid of row tiles x panels, with the bytes of both operands.
struct Grid {
  std::int64_t row_tiles = 1, panels = 1;
  std::int64_t row_bytes = 0, panel_bytes = 0;  ///< in all
};
/// How a grid is divided among members: the largest share is smallest, and among such divisions the members together
/// read least (few rows share the weights among them, few weights the rows).
struct GridSplit {
  int row_parts = 1, panel_parts = 1;
};
GridSplit split_grid(const Grid& grid, int members) noexcept;

class GemmStep final : public Step {
 public:
  /// A kernel of s16 for an image of u8, or of f32 for one of bf16: rows are widened block by block.
  GemmStep(const BrgemmKernel& kernel, const VectorKernels& vector, const GemmSpec& spec);

  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override;

  [[nodiscard]] const GemmSpec& spec() const noexcept { return spec_; }
  /// All of these rows of the product, by this member alone; the border of c is left as it is.
  void run_rows(const RunContext& context, const Range& rows) const noexcept;

  /// What members share.
  [[nodiscard]] Grid grid() const noexcept;
  /// How that many members divide the grid; other numbers of members, and without this all, do as split_grid says.
  void divide_as(const std::optional<GridSplit>& split) noexcept { split_ = split; }

 private:
  /// A contiguous piece of the K loop.
  struct KBlock {
    int first_segment = 0, segment_count = 0;
    std::int64_t b_offset = 0;  ///< bytes from the start of a panel
  };
  /// A block of rows and the panels of one group that it meets.
  struct Area {
    std::int64_t group = 0, first_row = 0;
    int rows = 0;
    std::int64_t first_panel = 0, last_panel = 0;
    bool weights_are_far = false;  ///< beyond L2
  };
  struct Rows;

  void split_k();
  void choose_row_block();
  void run_part(const RunContext& context, const Range& rows, const Range& panels) const noexcept;
  void run_area(const RunContext& context, TileSession& tiles, const Epilogue& whole, const Area& area,
                Rows& pointers) const noexcept;

  void add_segment(const KSegment& segment);
  /// The sums of rows of a, and what they add to the sums of a panel.
  void sum_rows(Rows& rows, int count) const noexcept;
  void start_sums(const Rows& rows, int count, const std::int32_t* factors, std::byte* accumulators) const noexcept;
  /// The epilogue with scale and zero point of a as they are in this run; its arrays lie in scratch.
  [[nodiscard]] Epilogue epilogue_of(const RunContext& context) const noexcept;

  // Scratch: sums between K blocks, widened rows, arrays of the epilogue.
  [[nodiscard]] std::size_t accumulator_bytes() const noexcept;
  [[nodiscard]] std::size_t widened_bytes() const noexcept;
  [[nodiscard]] std::size_t epilogue_bytes() const noexcept;

  const BrgemmKernel& kernel_;
  const VectorKernels& vector_;
  GemmSpec spec_;
  WidenedRows widened_;
  std::vector<KSegment> segments_;  ///< spec_.segments cut at K block borders
  std::vector<KBlock> blocks_;
  std::int64_t panels_ = 0;  ///< of one group
  std::int64_t panel_bytes_ = 0;
  std::int64_t rows_ = 0;
  int row_block_ = 0;
  std::optional<GridSplit> split_;
};

}  // namespace tessera
