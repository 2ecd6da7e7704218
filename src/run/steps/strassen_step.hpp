// A product of matrices by Strassen's algorithm, one level of it (kernels/strassen/): two steps, the first of which
// makes the seven left operands from A, side by side, so that members share them.
//
// Rows of A are taken in pairs of one item of a batch, columns of C in pairs of panels half the matrix apart. Loop
// order, outside in:
//   members share the grid of blocks of pairs x pairs of panels -> block of pairs -> pair of panels -> slice of k
//   (the sums of B are made) -> seven products.
#pragma once

#include <array>
#include <optional>

#include "run/steps/gemm_step.hpp"

namespace tessera {

/// How k is cut: `slices` products of two halves each.
struct StrassenSlices {
  std::int64_t half = 0, slices = 1;
};

/// What both steps share.
struct StrassenSpec {
  GemmSpec gemm;  ///< one segment, one group, sums of f32 or s32 without row_scale; columns: whole pairs of panels
  StrassenSlices slices;
  BufferId operands = no_buffer;  ///< [slices][7][pairs][half]

  [[nodiscard]] std::int64_t pixels_of_item() const noexcept { return gemm.c.height * gemm.c.width; }
  [[nodiscard]] std::int64_t pairs_of_item() const noexcept { return (pixels_of_item() + 1) / 2; }
  [[nodiscard]] std::int64_t pairs() const noexcept { return gemm.c.count * pairs_of_item(); }
  [[nodiscard]] std::int64_t k() const noexcept { return 2 * slices.half * slices.slices; }
};

/// Bytes of the buffer of operands.
std::size_t strassen_operand_bytes(const StrassenSums& kernels, const StrassenSpec& spec) noexcept;

/// The operands made of A.
class StrassenRowsStep final : public Step {
 public:
  StrassenRowsStep(const StrassenSums& kernels, const StrassenSpec& spec) : kernels_(kernels), spec_(spec) {}
  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override;

 private:
  const StrassenSums& kernels_;
  StrassenSpec spec_;
};

class StrassenStep final : public Step {
 public:
  StrassenStep(const BrgemmKernel& kernel, const StrassenSums& kernels, const StrassenSpec& spec);
  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override;

  /// What members share.
  [[nodiscard]] Grid grid() const noexcept;
  /// How that many members divide the grid; other numbers of members, and without this all, do as split_grid says.
  void divide_as(const std::optional<GridSplit>& split) noexcept { split_ = split; }

 private:
  using Quarters = std::array<const std::byte*, 4>;  ///< B11, B12, B21, B22
  enum class LeftOperand : std::uint8_t;
  struct Pairs;
  struct Scratch;
  struct Fetch;
  struct Slice;
  struct Product;
  struct Target;

  [[nodiscard]] std::int64_t quarter_bytes() const noexcept;      ///< of B, in one panel and one slice
  [[nodiscard]] std::int64_t accumulator_bytes() const noexcept;  ///< of one quarter of C
  [[nodiscard]] Scratch scratch_of(const RunContext& context) const noexcept;
  void locate(const RunContext& context, const Scratch& scratch, std::int64_t first_pair, int count,
              Pairs& pairs) const noexcept;
  [[nodiscard]] Quarters quarters(std::int64_t panel, std::int64_t slice) const noexcept;
  void multiply(const Slice& slice, const Product& product, const Target* target) const noexcept;
  void run_slice(const Slice& slice, std::int64_t panel) const noexcept;

  const BrgemmKernel& kernel_;
  const StrassenSums& kernels_;
  StrassenSpec spec_;
  std::int64_t panel_pairs_ = 0;
  int pair_block_ = 0;
  std::optional<GridSplit> split_;
};

}  // namespace tessera
