#include "run/steps/matched_step.hpp"

#include <algorithm>
#include <array>

#include "kernels/matched/match.hpp"

namespace tessera {
namespace {

constexpr int vector_rows = 8;
/// Most rows of one block: pointer arrays of this length live on the stack.
constexpr int max_matched_rows = 192;
/// The interleaved rows of a block are read again for every panel; they should stay in half of the smallest L2 we meet.
constexpr std::int64_t row_bytes_in_l2 = 256 * 1024;
/// Groups are interleaved so many at a time: what is written beyond a segment is written over by the next one, or meets
/// this slack.
constexpr std::int64_t groups_at_once = 8;

constexpr std::int64_t sum_bytes = 4;

}  // namespace

struct MatchedStep::Rows {
  int count = 0;
  std::array<const std::byte*, max_matched_rows> a;
  std::array<std::byte*, max_matched_rows> c;
  std::array<const std::byte*, max_matched_rows> residual;

  [[nodiscard]] int vectors() const noexcept { return (count + vector_rows - 1) / vector_rows; }
  [[nodiscard]] int tiles() const noexcept { return (vectors() + most_matched_vectors - 1) / most_matched_vectors; }
  /// The vectors of a tile.
  [[nodiscard]] Range tile(int number) const noexcept { return share(vectors(), number, tiles()); }
};

MatchedStep::MatchedStep(const BrgemmKernel& finisher, const MatchedBytes& kernels, const MatchedSpec& spec)
    : finisher_(finisher), kernels_(kernels), spec_(spec) {
  rows_ = spec.gemm.c.count * spec.gemm.c.height * spec.gemm.c.width;
  panels_ = (spec.gemm.columns + matched_columns - 1) / matched_columns;
  // Blocks of equal size rather than full ones and a crumb, which would read all weights for a few rows.
  const std::int64_t most = std::clamp<std::int64_t>(row_bytes_in_l2 / vector_bytes() * vector_rows,
                                                     most_matched_vectors * vector_rows, max_matched_rows);
  const std::int64_t blocks = std::max<std::int64_t>(1, (rows_ + most - 1) / most);
  row_block_ = static_cast<int>(round_up(static_cast<std::size_t>((rows_ + blocks - 1) / blocks), vector_rows));
}

std::int64_t MatchedStep::vector_bytes() const noexcept {
  return (spec_.k.groups + groups_at_once) * matched::group_k * vector_rows;
}

std::size_t MatchedStep::scratch_bytes() const noexcept {
  return static_cast<std::size_t>(row_block_ / vector_rows * vector_bytes() + row_block_ * matched_columns * sum_bytes);
}

/// Each tile by itself, one behind the other.
void MatchedStep::interleave(const Rows& rows, std::byte* to) const noexcept {
  for (int i = 0; i < rows.tiles(); ++i) {
    const Range tile = rows.tile(i);
    InterleaveCall call;
    call.rows = rows.a.data() + tile.first * vector_rows;
    call.vectors = static_cast<int>(tile.last - tile.first);
    call.y = to + tile.first * vector_bytes();
    for (const KSegment& segment : spec_.gemm.segments) {
      call.offset = segment.a_offset;
      call.groups = (segment.k + matched::group_k - 1) / matched::group_k;
      kernels_.interleave(call);
      call.y += call.groups * call.vectors * vector_rows * matched::group_k;
    }
  }
}

void MatchedStep::multiply(const Rows& rows, const MatchedLists& lists, const std::byte* a, std::int64_t panel,
                           std::byte* sums) const noexcept {
  MatchedCall call;
  call.groups = lists.groups();
  for (int block = 0; block < spec_.k.blocks; ++block) {
    call.starts = lists.starts(panel, block);
    call.first = block == 0;
    for (int i = 0; i < rows.tiles(); ++i) {
      const Range tile = rows.tile(i);
      call.vectors = static_cast<int>(tile.last - tile.first);
      const std::int64_t group_bytes = std::int64_t{call.vectors} * vector_rows * matched::group_k;
      call.a = a + tile.first * vector_bytes() + spec_.k.block(block).first * group_bytes;
      call.sums = sums + tile.first * vector_rows * matched_columns * sum_bytes;
      kernels_.multiply(call);
    }
  }
}

void MatchedStep::run_block(const RunContext& context, std::int64_t first_row, int count, Range panels) const noexcept {
  const GemmSpec& gemm = spec_.gemm;
  Rows rows;
  rows.count = count;
  locate_rows(gemm, context, 0, first_row, count, {rows.a.data(), rows.c.data(), rows.residual.data()});
  // What the last vector has too many of is computed and left.
  std::fill(rows.a.begin() + count, rows.a.begin() + rows.vectors() * vector_rows,
            rows.a[static_cast<std::size_t>(count) - 1]);
  std::byte* const sums = context.scratch;
  std::byte* const a = sums + std::int64_t{row_block_} * matched_columns * sum_bytes;
  interleave(rows, a);

  Epilogue epilogue = gemm.epilogue;
  if (gemm.row_scale != no_buffer)
    epilogue.row_scale = reinterpret_cast<const float*>(context.at(gemm.row_scale)) + first_row;
  if (gemm.residual.buffer != no_buffer) epilogue.residual_rows = rows.residual.data();
  // The sums become C as a last block of k without anything to add.
  BrgemmBlock finish;
  finish.m = count;
  finish.b = sums;  // nothing is read of it
  finish.accumulators = sums;
  finish.first = false;
  finish.c_rows = rows.c.data();
  finish.epilogue = &epilogue;
  const MatchedLists lists(*spec_.weights, panels_, spec_.k.blocks);
  for (std::int64_t panel = panels.first; panel < panels.last; ++panel) {
    multiply(rows, lists, a, panel, sums);
    finish.n0 = static_cast<int>(panel * matched_columns);
    finish.n = static_cast<int>(std::min<std::int64_t>(matched_columns, gemm.columns - finish.n0));
    finisher_.run(finish);
  }
}

Grid MatchedStep::grid() const noexcept {
  const std::int64_t weight_bytes =
      spec_.k.groups / 2 * spec_.gemm.columns * static_cast<std::int64_t>(sizeof(MatchedGroups));
  return {(rows_ + vector_rows - 1) / vector_rows, panels_, spec_.gemm.a.bytes(), weight_bytes};
}

void MatchedStep::run(const RunContext& context) const noexcept {
  fill_halo(spec_.gemm.c, spec_.gemm.fill, context);
  const bool divided = split_ && split_->row_parts * split_->panel_parts == context.members;
  const GridSplit split = divided ? *split_ : split_grid(grid(), context.members);
  const Range rows = share(rows_, context.member % split.row_parts, split.row_parts, vector_rows);
  const Range panels = share(panels_, context.member / split.row_parts, split.panel_parts);
  if (panels.first == panels.last) return;
  for (std::int64_t row = rows.first; row < rows.last; row += row_block_)
    run_block(context, row, static_cast<int>(std::min<std::int64_t>(row_block_, rows.last - row)), panels);
}

}  // namespace tessera
