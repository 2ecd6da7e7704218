#include "run/steps/gemm_step.hpp"

#include <algorithm>
#include <array>

#include "core/memory.hpp"
#include "kernels/brgemm/tile_session.hpp"

namespace tessera {
namespace {

/// Most rows of one block: pointer arrays of this length live on the stack. With tiles a panel comes from L2 for each
/// block of rows, which more of them repay; longer arrays would be read from L2 themselves elsewhere.
constexpr int max_row_block = 192, max_row_block_with_tiles = 256;
/// All weights are read for each block of rows: fewer than these are not worth it.
constexpr int least_row_block = 50;
/// The B panel of one K block plus the A rows of one register tile should fill at most this much of the 32 KiB L1.
constexpr std::int64_t l1_budget = 24 * 1024;
/// CPUs with tiles have 48 KiB, and their kernels load A past L1: only the panel has to fit, 1024 bytes of k of 32
/// columns.
constexpr std::int64_t l1_budget_with_tiles = 32 * 1024;
/// The A rows of a block are read again for every panel; they should stay in half of the smallest L2 we meet (512 KiB).
constexpr std::int64_t l2_budget = 256 * 1024;

/// With tiles it is half of the L2 that is there: A comes from L2 at a rate that hides behind products, and not from
/// beyond.
std::int64_t l2_budget_of(const BrgemmKernel& kernel, const GemmSpec& spec) {
  return has_tiles(kernel.isa) ? spec.l2_bytes / 2 : l2_budget;
}

}  // namespace

/// What the blocks of an area point to.
struct GemmStep::Rows {
  std::array<const std::byte*, max_row_block_with_tiles> a;
  std::array<std::byte*, max_row_block_with_tiles> c;
  std::array<const std::byte*, max_row_block_with_tiles> residual;
  std::array<std::int32_t, max_row_block_with_tiles> sums;  ///< of the elements of a
  Epilogue epilogue;
};

namespace {

/// Kernels with tiles leave rows to the next two calls, which may belong to the next two areas.
constexpr std::size_t areas_in_flight = 3;

}  // namespace

GridSplit split_grid(const Grid& grid, int members) noexcept {
  GridSplit best;
  std::int64_t best_share = -1, best_bytes = 0;
  for (int rows = members; rows >= 1; --rows) {
    if (members % rows != 0) continue;
    const int columns = members / rows;
    const std::int64_t share = ((grid.row_tiles + rows - 1) / rows) * ((grid.panels + columns - 1) / columns);
    const std::int64_t bytes = columns * grid.row_bytes + rows * grid.panel_bytes;
    if (best_share >= 0 && (share > best_share || (share == best_share && bytes >= best_bytes))) continue;
    best_share = share;
    best_bytes = bytes;
    best = {rows, columns};
  }
  return best;
}

GemmStep::GemmStep(const BrgemmKernel& kernel, const VectorKernels& vector, const GemmSpec& spec)
    : kernel_(kernel), vector_(vector), spec_(spec), widened_(vector, kernel, spec.a.type, spec.segments) {
  panels_ = (spec.columns + kernel.nr - 1) / kernel.nr;
  rows_ = spec.c.count * spec.c.height * spec.c.width;
  split_k();
  choose_row_block();
}

/// Cuts the segments so that each K block's panel part fits L1 beside the rows of one register tile.
void GemmStep::split_k() {
  const bool tiles = has_tiles(kernel_.isa);
  const std::int64_t bytes_per_k = kernel_.nr * static_cast<std::int64_t>(size_of(kernel_.b)) +
                                   (tiles ? 0 : kernel_.mr * static_cast<std::int64_t>(size_of(kernel_.a)));
  std::int64_t total = 0;
  for (const KSegment& segment : spec_.segments) total += widened_.padded(segment.k);
  // Blocks of equal size rather than full ones and a crumb.
  std::int64_t most = std::max<std::int64_t>(64, (tiles ? l1_budget_with_tiles : l1_budget) / bytes_per_k);
  // A panel that meets a single register tile is not read again.
  if (rows_ <= kernel_.mr) most = std::max(most, total);
  const std::int64_t count = (total + most - 1) / most;
  // Whole multiples of 64 elements: what a tile of int8 takes in one step.
  const std::int64_t limit =
      static_cast<std::int64_t>(round_up(static_cast<std::size_t>((total + count - 1) / count), 64));

  const auto size = static_cast<std::int64_t>(size_of(kernel_.a));
  std::int64_t b_offset = 0, in_block = 0, widened = 0;
  blocks_.push_back({});
  for (const KSegment& segment : spec_.segments) {
    for (std::int64_t done = 0; done < segment.k;) {
      if (in_block + kernel_.k_group > limit) {
        blocks_.push_back({static_cast<int>(segments_.size()), 0, b_offset});
        in_block = 0;
      }
      const std::int64_t room = (limit - in_block) / kernel_.k_group * kernel_.k_group;
      const std::int64_t k = std::min(segment.k - done, room);
      const std::int64_t padded = widened_.padded(k);
      if (!widened_.needed()) {
        add_segment({segment.a_offset + done * size, k});
      } else if (blocks_.back().segment_count > 0) {
        segments_.back().k += padded;  // follows the one before it, in A and in B
      } else {
        add_segment({widened + done * size, padded});
      }
      b_offset += static_cast<std::int64_t>(packed_k_bytes(kernel_, padded));
      in_block += padded;
      done += k;
    }
    widened += widened_.padded(segment.k) * size;
  }
  panel_bytes_ = b_offset;
}

void GemmStep::add_segment(const KSegment& segment) {
  segments_.push_back(segment);
  ++blocks_.back().segment_count;
}

void GemmStep::choose_row_block() {
  std::int64_t k = 0;
  for (const KSegment& segment : segments_) k += segment.k;
  std::int64_t row_bytes = std::max<std::int64_t>(1, k * static_cast<std::int64_t>(size_of(kernel_.a)));
  // Windows overlap: rows of a convolution have fewer bytes of their own than they read, unless they are widened.
  if (!widened_.needed())
    row_bytes =
        std::clamp<std::int64_t>(spec_.a.bytes() / spec_.groups / std::max<std::int64_t>(1, rows_), 1, row_bytes);
  const int most = (has_tiles(kernel_.isa) ? max_row_block_with_tiles : max_row_block) / kernel_.mr * kernel_.mr;
  const std::int64_t budget = l2_budget_of(kernel_, spec_);
  const auto fitting = static_cast<int>(std::min<std::int64_t>(most, budget / row_bytes / kernel_.mr * kernel_.mr));
  const int least = (least_row_block + kernel_.mr - 1) / kernel_.mr * kernel_.mr;
  row_block_ = std::clamp(fitting, std::min(most, least), most);
  // Blocks of equal size rather than full ones and a crumb, which would read all weights for a few rows.
  const std::int64_t blocks = (rows_ + row_block_ - 1) / row_block_;
  const std::int64_t even = (rows_ + blocks - 1) / blocks;
  row_block_ = static_cast<int>(std::min<std::int64_t>(most, (even + kernel_.mr - 1) / kernel_.mr * kernel_.mr));
}

std::size_t GemmStep::accumulator_bytes() const noexcept {
  const bool needed = blocks_.size() > 1 || spec_.row_sum_factors != nullptr;
  return needed ? static_cast<std::size_t>(row_block_) * static_cast<std::size_t>(kernel_.nr) * sizeof(float) : 0;
}

std::size_t GemmStep::widened_bytes() const noexcept {
  return widened_.needed() ? static_cast<std::size_t>(row_block_ * widened_.stride()) : 0;
}

std::size_t GemmStep::epilogue_bytes() const noexcept {
  const std::int64_t columns = spec_.groups * panels_ * kernel_.nr;
  return spec_.dequantize_a == no_buffer ? 0
                                         : static_cast<std::size_t>(columns) * (sizeof(float) + sizeof(std::int32_t));
}

std::size_t GemmStep::scratch_bytes() const noexcept {
  return accumulator_bytes() + widened_bytes() + epilogue_bytes();
}

void GemmStep::sum_rows(Rows& rows, int count) const noexcept {
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    rows.sums[i] = 0;
    for (const KSegment& segment : spec_.segments)
      rows.sums[i] += vector_.sum_bytes(rows.a[i] + segment.a_offset, segment.k);
  }
}

void GemmStep::start_sums(const Rows& rows, int count, const std::int32_t* factors,
                          std::byte* accumulators) const noexcept {
  auto* sums = reinterpret_cast<std::int32_t*>(accumulators);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    for (int n = 0; n < kernel_.nr; ++n) *sums++ = rows.sums[i] * factors[n];
}

Epilogue GemmStep::epilogue_of(const RunContext& context) const noexcept {
  Epilogue epilogue = spec_.epilogue;
  if (spec_.dequantize_a == no_buffer) return epilogue;
  const auto a = *reinterpret_cast<const Dequantize*>(context.at(spec_.dequantize_a));
  const std::int64_t columns = spec_.groups * panels_ * kernel_.nr;
  auto* scale = reinterpret_cast<float*>(context.scratch + accumulator_bytes() + widened_bytes());
  auto* compensation = reinterpret_cast<std::int32_t*>(scale + columns);
  for (std::int64_t n = 0; n < columns; ++n) {
    scale[n] = epilogue.scale[n] * a.scale;
    compensation[n] = epilogue.compensation[n] * a.zero_point;
  }
  epilogue.scale = scale;
  epilogue.compensation = compensation;
  return epilogue;
}

void GemmStep::run_area(const RunContext& context, TileSession& tiles, const Epilogue& whole, const Area& area,
                        Rows& pointers) const noexcept {
  const int rows = area.rows;
  locate_rows(spec_, context, area.group, area.first_row, rows,
              {pointers.a.data(), pointers.c.data(), pointers.residual.data()});
  const std::int32_t* const factors = spec_.row_sum_factors;
  if (factors != nullptr) sum_rows(pointers, rows);
  if (widened_.needed()) widened_.widen(pointers.a.data(), rows, context.scratch + accumulator_bytes());
  Epilogue& epilogue = pointers.epilogue;
  epilogue = whole;
  const std::int64_t columns = area.group * panels_ * kernel_.nr;
  if (epilogue.bias != nullptr) epilogue.bias += columns;
  if (epilogue.scale != nullptr) epilogue.scale += columns;
  if (epilogue.compensation != nullptr) epilogue.compensation += columns;
  if (spec_.row_scale != no_buffer)
    epilogue.row_scale = reinterpret_cast<const float*>(context.at(spec_.row_scale)) + area.first_row;
  if (spec_.residual.buffer != no_buffer) epilogue.residual_rows = pointers.residual.data();

  BrgemmBlock block;
  block.a_rows = pointers.a.data();
  block.c_rows = pointers.c.data();
  block.m = rows;
  block.accumulators = context.scratch;
  block.epilogue = &epilogue;
  block.tiles = &tiles;
  for (std::int64_t panel = area.first_panel; panel < area.last_panel; ++panel) {
    const std::byte* b = spec_.weights + (area.group * panels_ + panel) * panel_bytes_;
    block.n0 = static_cast<int>(panel * kernel_.nr);
    block.n = static_cast<int>(std::min<std::int64_t>(kernel_.nr, spec_.columns - block.n0));
    if (factors != nullptr) start_sums(pointers, rows, factors + columns + block.n0, context.scratch);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      block.segments = segments_.data() + blocks_[i].first_segment;
      block.segment_count = blocks_[i].segment_count;
      block.b = b + blocks_[i].b_offset;
      if (spec_.overflows != nullptr)
        block.overflows = spec_.overflows + (block.b - spec_.weights) / (kernel_.nr * kernel_.k_group);
      block.first = i == 0 && factors == nullptr;
      block.last = i + 1 == blocks_.size();
      block.next_is_far = area.weights_are_far && (!block.last || panel + 1 < area.last_panel);
      kernel_.run(block);
    }
  }
}

Grid GemmStep::grid() const noexcept {
  return {(rows_ + kernel_.mr - 1) / kernel_.mr, panels_ * spec_.groups, spec_.a.bytes(),
          panels_ * spec_.groups * panel_bytes_};
}

void GemmStep::run(const RunContext& context) const noexcept {
  fill_halo(spec_.c, spec_.fill, context);
  const bool divided = split_ && split_->row_parts * split_->panel_parts == context.members;
  const GridSplit split = divided ? *split_ : split_grid(grid(), context.members);
  const Range rows = share(rows_, context.member % split.row_parts, split.row_parts, kernel_.mr);
  run_part(context, rows, share(panels_ * spec_.groups, context.member / split.row_parts, split.panel_parts));
}

void GemmStep::run_rows(const RunContext& context, const Range& rows) const noexcept {
  run_part(context, rows, {0, panels_ * spec_.groups});
}

void GemmStep::run_part(const RunContext& context, const Range& rows, const Range& panels) const noexcept {
  const Epilogue epilogue = epilogue_of(context);
  const bool weights_stay = (panels.last - panels.first) * panel_bytes_ <= l2_budget_of(kernel_, spec_);
  std::array<Rows, areas_in_flight> pointers;
  std::size_t turn = 0;
  TileSession tile_session;
  for (std::int64_t row = rows.first; row < rows.last; row += row_block_) {
    const int count = static_cast<int>(std::min<std::int64_t>(row_block_, rows.last - row));
    for (std::int64_t panel = panels.first; panel < panels.last;) {
      const std::int64_t group = panel / panels_;
      const std::int64_t end = std::min(panels.last, (group + 1) * panels_);
      run_area(context, tile_session, epilogue,
               {group, row, count, panel - group * panels_, end - group * panels_, row == rows.first || !weights_stay},
               pointers[turn]);
      if (has_tiles(kernel_.isa)) turn = (turn + 1) % areas_in_flight;
      panel = end;
    }
  }
}

}  // namespace tessera
