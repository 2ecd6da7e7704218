#include "run/steps/strassen_step.hpp"

#include <algorithm>
#include <cstring>

#include "core/memory.hpp"

namespace tessera {
namespace {

/// Most pairs of one block: pointer arrays of this length live on the stack. The more pairs, the less the sums of B
/// weigh, which are made once for each block.
constexpr int max_pairs = 192;
/// Between the operands of two pairs, lest they share L1 sets.
constexpr std::int64_t pair_slack = 64;
constexpr std::int64_t left_operands = 7;

/// C11, C12, C21, C22, X and Z.
constexpr int accumulator_count = 6;

constexpr std::int64_t rounded(std::int64_t bytes) noexcept {
  return static_cast<std::int64_t>(round_up(static_cast<std::size_t>(bytes), 64));
}

/// Bytes from one row of an operand to the next.
std::int64_t row_bytes(const StrassenSums& kernels, const StrassenSpec& spec) noexcept {
  return spec.slices.half * static_cast<std::int64_t>(size_of(kernels.operand)) + pair_slack;
}
/// Bytes of one operand in one slice.
std::int64_t operand_bytes(const StrassenSums& kernels, const StrassenSpec& spec) noexcept {
  return spec.pairs() * row_bytes(kernels, spec);
}

/// Bytes from pixel (0, 0) of the first item to pixel `index` of item `item`, in an image read in these strides.
std::int64_t offset_of(const Image& image, std::int64_t item, std::int64_t index, std::int64_t width,
                       std::int64_t stride_h = 1, std::int64_t stride_w = 1) noexcept {
  return item * image.image_stride() + index / width * stride_h * image.row_stride() +
         index % width * stride_w * image.pixel_stride();
}

/// A pixel that a pair has no second of stands at -1.
struct PairOfPixels {
  std::int64_t item, first, second;
};
PairOfPixels pixels_of(const StrassenSpec& spec, std::int64_t pair) noexcept {
  const std::int64_t in_item = pair % spec.pairs_of_item();
  const std::int64_t second = 2 * in_item + 1;
  return {pair / spec.pairs_of_item(), 2 * in_item, second < spec.pixels_of_item() ? second : -1};
}

const std::byte* row_of_a(const RunContext& context, const GemmSpec& gemm, std::int64_t item,
                          std::int64_t index) noexcept {
  return context.at(gemm.a.buffer) + gemm.a.origin() + gemm.first_tap + gemm.segments.front().a_offset +
         offset_of(gemm.a, item, index, gemm.c.width, gemm.stride_h, gemm.stride_w);
}

}  // namespace

std::size_t strassen_operand_bytes(const StrassenSums& kernels, const StrassenSpec& spec) noexcept {
  return static_cast<std::size_t>(spec.slices.slices * left_operands * operand_bytes(kernels, spec));
}

std::size_t StrassenRowsStep::scratch_bytes() const noexcept {
  return static_cast<std::size_t>(spec_.k()) * size_of(spec_.gemm.a.type) + buffer_slack;
}

void StrassenRowsStep::run(const RunContext& context) const noexcept {
  std::memset(context.scratch, 0, scratch_bytes());
  const Range pairs = share(spec_.pairs(), context.member, context.members);
  const std::int64_t slice_bytes = 2 * spec_.slices.half * static_cast<std::int64_t>(size_of(spec_.gemm.a.type));
  StrassenRowsCall call;
  call.half = spec_.slices.half;
  call.operand_stride = operand_bytes(kernels_, spec_);
  for (std::int64_t pair = pairs.first; pair < pairs.last; ++pair) {
    const PairOfPixels pixels = pixels_of(spec_, pair);
    call.first = row_of_a(context, spec_.gemm, pixels.item, pixels.first);
    call.second = pixels.second < 0 ? context.scratch : row_of_a(context, spec_.gemm, pixels.item, pixels.second);
    call.operands = context.at(spec_.operands) + pair * row_bytes(kernels_, spec_);
    for (std::int64_t slice = 0; slice < spec_.slices.slices; ++slice) {
      kernels_.rows(call);
      call.first += slice_bytes;
      call.second += slice_bytes;
      call.operands += left_operands * call.operand_stride;
    }
  }
}

/// Pointers of a block, [0] for the first rows of the pairs and [1] for the second ones.
struct StrassenStep::Pairs {
  int count = 0;
  std::array<const std::byte*, max_pairs> operands;  ///< of the first kind, in the first slice
  std::array<std::array<std::byte*, max_pairs>, 2> c;
  std::array<std::array<const std::byte*, max_pairs>, 2> residual;
  std::array<Epilogue, 2> epilogue;
};

struct StrassenStep::Scratch {
  std::array<std::byte*, 4> t;
  std::array<std::byte*, accumulator_count> accumulators;
  std::byte* nowhere;  ///< a row of C or of the residual
};

/// What will be read next, quarter by quarter; calls of the kernel fetch it piece by piece.
struct StrassenStep::Fetch {
  Quarters quarters;
  std::int64_t quarter_bytes, done = 0;

  /// What a call that multiplies `tiles` tiles of rows by a quarter shall fetch (BrgemmBlock::next).
  const std::byte* take(int tiles, const std::byte* otherwise) noexcept {
    const std::int64_t quarter = done / quarter_bytes;
    if (quarter >= 4) return otherwise;
    const std::byte* next = quarters[static_cast<std::size_t>(quarter)] + done % quarter_bytes;
    done += quarter_bytes / 4 * std::min(4, tiles);
    return next;
  }
};

/// One slice of a block of pairs and a pair of panels.
struct StrassenStep::Slice {
  const Pairs& pairs;
  const Scratch& scratch;
  std::int64_t number;
  Fetch& fetch;
};

/// What StrassenRowsCall makes, in its order.
enum class StrassenStep::LeftOperand : std::uint8_t { a11, a12, a22, s1, s2, s3, s4 };

/// Two operands multiplied and added to accumulators; without the right one, nothing.
struct StrassenStep::Product {
  LeftOperand left;
  const std::byte* right;
  std::byte* accumulators;
  bool first = false;  ///< they hold nothing yet
};

/// Where accumulators go when they are complete: to the first or the second rows of pairs, from a column on.
struct StrassenStep::Target {
  std::size_t row;
  std::int64_t column;
};

StrassenStep::StrassenStep(const BrgemmKernel& kernel, const StrassenSums& kernels, const StrassenSpec& spec)
    : kernel_(kernel), kernels_(kernels), spec_(spec), panel_pairs_(spec.gemm.columns / kernel.nr / 2) {
  const std::int64_t blocks = (spec.pairs() + max_pairs - 1) / max_pairs;
  pair_block_ = static_cast<int>((spec.pairs() + blocks - 1) / blocks);
}

std::int64_t StrassenStep::quarter_bytes() const noexcept {
  return static_cast<std::int64_t>(packed_k_bytes(kernel_, spec_.slices.half));
}

std::int64_t StrassenStep::accumulator_bytes() const noexcept {
  return std::int64_t{pair_block_} * kernel_.nr * static_cast<std::int64_t>(sizeof(float));
}

StrassenStep::Scratch StrassenStep::scratch_of(const RunContext& context) const noexcept {
  Scratch scratch{};
  std::byte* at = context.scratch;
  for (std::byte*& t : scratch.t) {
    t = at;
    at += quarter_bytes();
  }
  for (std::byte*& accumulators : scratch.accumulators) {
    accumulators = at;
    at += accumulator_bytes();
  }
  scratch.nowhere = at;
  return scratch;
}

std::size_t StrassenStep::scratch_bytes() const noexcept {
  return static_cast<std::size_t>(4 * quarter_bytes() + accumulator_count * accumulator_bytes() +
                                  spec_.gemm.columns * static_cast<std::int64_t>(sizeof(float))) +
         buffer_slack;
}

void StrassenStep::locate(const RunContext& context, const Scratch& scratch, std::int64_t first_pair, int count,
                          Pairs& pairs) const noexcept {
  const GemmSpec& gemm = spec_.gemm;
  const bool has_residual = gemm.residual.buffer != no_buffer;
  pairs.count = count;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const PairOfPixels pixels = pixels_of(spec_, first_pair + i);
    pairs.operands[at] = context.at(spec_.operands) + (first_pair + i) * row_bytes(kernels_, spec_);
    for (std::size_t row = 0; row < 2; ++row) {
      const std::int64_t index = row == 0 ? pixels.first : pixels.second;
      const auto located = [&](const Image& image) {
        return context.at(image.buffer) + image.origin() + offset_of(image, pixels.item, index, gemm.c.width);
      };
      pairs.c[row][at] = index < 0 ? scratch.nowhere : located(gemm.c);
      if (has_residual) pairs.residual[row][at] = index < 0 ? scratch.nowhere : located(gemm.residual);
    }
  }
  for (std::size_t row = 0; row < 2; ++row) {
    pairs.epilogue[row] = gemm.epilogue;
    if (has_residual) pairs.epilogue[row].residual_rows = pairs.residual[row].data();
  }
}

StrassenStep::Quarters StrassenStep::quarters(std::int64_t panel, std::int64_t slice) const noexcept {
  const std::int64_t panel_bytes = 2 * spec_.slices.slices * quarter_bytes();
  const std::byte* const left = spec_.gemm.weights + panel * panel_bytes + 2 * slice * quarter_bytes();
  const std::byte* const right = left + panel_pairs_ * panel_bytes;
  return {left, right, left + quarter_bytes(), right + quarter_bytes()};
}

void StrassenStep::multiply(const Slice& slice, const Product& product, const Target* target) const noexcept {
  const Pairs& pairs = slice.pairs;
  const std::int64_t operand = slice.number * left_operands + static_cast<std::int64_t>(product.left);
  const KSegment segment{operand * operand_bytes(kernels_, spec_), spec_.slices.half};
  BrgemmBlock block;
  block.a_rows = pairs.operands.data();
  block.m = pairs.count;
  block.segments = &segment;
  block.segment_count = product.right == nullptr ? 0 : 1;
  block.b = product.right;
  block.next = slice.fetch.take((pairs.count + kernel_.mr - 1) / kernel_.mr, product.right);
  block.n = kernel_.nr;
  block.accumulators = product.accumulators;
  block.first = product.first;
  block.last = target != nullptr;
  if (target != nullptr) {
    block.n0 = static_cast<int>(target->column);
    block.c_rows = pairs.c[target->row].data();
    block.epilogue = &pairs.epilogue[target->row];
  }
  kernel_.run(block);
}

/// The names are those of kernels/strassen/sums.hpp; U and V take the place of X.
void StrassenStep::run_slice(const Slice& slice, std::int64_t panel) const noexcept {
  using enum LeftOperand;
  const auto [b11, b12, b21, b22] = quarters(panel, slice.number);
  const auto [t1, t2, t3, t4] = slice.scratch.t;
  const auto [c11, c12, c21, c22, x, z] = slice.scratch.accumulators;
  const bool first = slice.number == 0, last = slice.number + 1 == spec_.slices.slices;
  const std::int64_t left = panel * kernel_.nr, right = left + spec_.gemm.columns / 2;
  const auto keep = [&](const Product& product) { multiply(slice, product, nullptr); };
  const auto finish = [&](const Product& product, const Target& target) {
    multiply(slice, product, last ? &target : nullptr);
  };
  const auto add = [&](std::byte* target, const std::byte* term, const std::byte* other) {
    kernels_.add({target, term, other, first, std::int64_t{slice.pairs.count} * kernel_.nr});
  };

  kernels_.panels({b11, b12, b21, b22, t1, spec_.slices.half * kernel_.nr});
  keep({a11, b11, x, true});
  add(c11, x, nullptr);
  finish({a12, b21, c11}, {0, left});
  keep({s2, t2, x});
  keep({s1, t1, z, true});
  add(c12, x, z);
  finish({s4, b22, c12}, {0, right});
  keep({s3, t3, x});
  add(c22, x, z);
  if (last) finish({a22, nullptr, c22}, {1, right});
  add(c21, x, nullptr);
  finish({a22, t4, c21}, {1, left});
}

Grid StrassenStep::grid() const noexcept {
  const std::int64_t panel_bytes = 2 * spec_.slices.slices * quarter_bytes();
  return {(spec_.pairs() + kernel_.mr - 1) / kernel_.mr, panel_pairs_,
          static_cast<std::int64_t>(strassen_operand_bytes(kernels_, spec_)), 2 * panel_pairs_ * panel_bytes};
}

void StrassenStep::run(const RunContext& context) const noexcept {
  fill_halo(spec_.gemm.c, spec_.gemm.fill, context);
  const bool divided = split_ && split_->row_parts * split_->panel_parts == context.members;
  const GridSplit split = divided ? *split_ : split_grid(grid(), context.members);
  const Range rows = share(spec_.pairs(), context.member % split.row_parts, split.row_parts, kernel_.mr);
  const Range panels = share(panel_pairs_, context.member / split.row_parts, split.panel_parts);
  const Scratch scratch = scratch_of(context);
  Pairs pairs;
  const std::int64_t slices = spec_.slices.slices;
  for (std::int64_t row = rows.first; row < rows.last; row += pair_block_) {
    const int count = static_cast<int>(std::min<std::int64_t>(pair_block_, rows.last - row));
    locate(context, scratch, row, count, pairs);
    for (std::int64_t panel = panels.first; panel < panels.last; ++panel) {
      for (std::int64_t slice = 0; slice < slices; ++slice) {
        const bool within = slice + 1 < slices;
        const std::int64_t next_panel = within || panel + 1 == panels.last ? panel : panel + 1;
        const std::int64_t next = within ? slice + 1 : 0;
        Fetch fetch{quarters(next_panel, next), quarter_bytes()};
        run_slice({pairs, scratch, slice, fetch}, panel);
      }
    }
  }
}

}  // namespace tessera
