#include "run/steps/product_step.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/memory.hpp"

namespace tessera {
namespace {

constexpr int row_block = 48;  ///< rows that meet the panels of B together
constexpr auto element = static_cast<std::int64_t>(sizeof(float));

}  // namespace

ProductStep::ProductStep(const BrgemmKernel& kernel, const VectorKernels& vector, ProductSpec spec)
    : kernel_(kernel), vector_(vector), spec_(std::move(spec)) {
  panels_ = (spec_.columns + kernel.nr - 1) / kernel.nr;
  panel_bytes_ = spec_.depth * kernel.nr * element;
  scratch_bytes_ = static_cast<std::size_t>(panels_ * panel_bytes_) + buffer_slack;
}

void ProductStep::pack(const RunContext& context, std::int64_t item) const noexcept {
  PackCall call;
  call.data = context.at(spec_.b) + spec_.b_items[static_cast<std::size_t>(item)];
  call.k = spec_.depth;
  call.n = spec_.columns;
  call.k_stride = spec_.columns * element;
  call.n_stride = element;
  call.nr = kernel_.nr;
  call.k_group = kernel_.k_group;
  call.target = context.scratch;
  call.last_panel = panels_;
  vector_.pack(call);
}

void ProductStep::multiply(const RunContext& context, std::int64_t item, std::int64_t first, int rows) const noexcept {
  std::array<const std::byte*, row_block> a;
  std::array<std::byte*, row_block> c;
  const std::byte* const from = context.at(spec_.a) + spec_.a_items[static_cast<std::size_t>(item)];
  for (int i = 0; i < rows; ++i) {
    a[static_cast<std::size_t>(i)] = from + (first + i) * spec_.depth * element;
    c[static_cast<std::size_t>(i)] = context.at(spec_.c) + ((item * spec_.rows + first + i) * spec_.columns) * element;
  }
  const Epilogue store;
  const KSegment whole{0, spec_.depth};
  BrgemmBlock block;
  block.a_rows = a.data();
  block.m = rows;
  block.segments = &whole;
  block.segment_count = 1;
  block.c_rows = c.data();
  block.epilogue = &store;
  for (std::int64_t panel = 0; panel < panels_; ++panel) {
    block.b = context.scratch + panel * panel_bytes_;
    block.n0 = static_cast<int>(panel * kernel_.nr);
    block.n = static_cast<int>(std::min<std::int64_t>(kernel_.nr, spec_.columns - block.n0));
    kernel_.run(block);
  }
}

void ProductStep::run(const RunContext& context) const noexcept {
  const std::int64_t blocks = (spec_.rows + row_block - 1) / row_block;
  const Range units = share(static_cast<std::int64_t>(spec_.a_items.size()) * blocks, context.member, context.members);
  std::int64_t packed = -1;
  for (std::int64_t unit = units.first; unit < units.last; ++unit) {
    const std::int64_t item = unit / blocks, first = unit % blocks * row_block;
    if (packed < 0 || spec_.b_items[static_cast<std::size_t>(item)] != spec_.b_items[static_cast<std::size_t>(packed)])
      pack(context, item);
    packed = item;
    multiply(context, item, first, static_cast<int>(std::min<std::int64_t>(row_block, spec_.rows - first)));
  }
}

}  // namespace tessera
