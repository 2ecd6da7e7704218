#include "run/steps/strided_copy_step.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tessera {
namespace {

/// Elements of a tile on each side: what is read and written for it stays in L1.
constexpr std::int64_t tile_side = 16;

/// Without axes of one element, the slowest of the result first, and those joined that are one axis on both sides.
std::vector<StridedCopySpec::Axis> simplified(std::vector<StridedCopySpec::Axis> axes) {
  std::erase_if(axes, [](const auto& axis) { return axis.extent == 1; });
  std::ranges::stable_sort(axes, [](const auto& a, const auto& b) { return a.to > b.to; });
  std::vector<StridedCopySpec::Axis> joined;
  for (const auto& axis : axes) {
    if (!joined.empty() && joined.back().from == axis.from * axis.extent && joined.back().to == axis.to * axis.extent)
      joined.back() = {joined.back().extent * axis.extent, axis.from, axis.to};
    else
      joined.push_back(axis);
  }
  return joined;
}

}  // namespace

StridedCopyStep::StridedCopyStep(StridedCopySpec spec) : spec_(std::move(spec)) {
  std::vector<Axis> axes = simplified(std::move(spec_.axes));
  const std::int64_t width = spec_.width;
  if (axes.empty()) {
    run_ = width;
  } else {
    along_ = axes.back();
    axes.pop_back();
    if (along_.from == width && along_.to == width) run_ = along_.extent * width;
  }
  if (run_ == 0) {
    const auto source = std::ranges::find(axes, width, &Axis::from);
    if (source != axes.end()) {
      across_ = *source;
      axes.erase(source);
    }
  }
  for (const Axis& axis : axes) outer_ *= axis.extent;
  spec_.axes = std::move(axes);
}

template <typename Body>
void StridedCopyStep::for_each_outer(Range range, const Body& body) const noexcept {
  for (std::int64_t i = range.first; i < range.last; ++i) {
    std::int64_t from = spec_.from_base, to = spec_.to_base, rest = i;
    for (std::size_t axis = spec_.axes.size(); axis-- > 0;) {
      const Axis& a = spec_.axes[axis];
      from += rest % a.extent * a.from;
      to += rest % a.extent * a.to;
      rest /= a.extent;
    }
    body(from, to);
  }
}

void StridedCopyStep::run_runs(const RunContext& context) const noexcept {
  const std::byte* const source = context.at(spec_.from);
  std::byte* const target = context.at(spec_.to);
  const auto bytes = static_cast<std::size_t>(run_);
  for_each_outer(share(outer_, context.member, context.members),
                 [=](std::int64_t from, std::int64_t to) { std::memcpy(target + to, source + from, bytes); });
}

template <typename Element>
void StridedCopyStep::run_tiles(const RunContext& context) const noexcept {
  const std::byte* const source = context.at(spec_.from);
  std::byte* const target = context.at(spec_.to);
  const std::int64_t bands = (across_.extent + tile_side - 1) / tile_side;
  const Range range = share(outer_ * bands, context.member, context.members);
  for (std::int64_t unit = range.first; unit < range.last; ++unit) {
    const std::int64_t outer = unit / bands, first = unit % bands * tile_side;
    const std::int64_t last = std::min(across_.extent, first + tile_side);
    for_each_outer({outer, outer + 1}, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t begin = 0; begin < along_.extent; begin += tile_side) {
        const std::int64_t end = std::min(along_.extent, begin + tile_side);
        for (std::int64_t i = first; i < last; ++i)
          for (std::int64_t j = begin; j < end; ++j)
            std::memcpy(target + to + i * across_.to + j * along_.to,
                        source + from + i * across_.from + j * along_.from, sizeof(Element));
      }
    });
  }
}

void StridedCopyStep::run(const RunContext& context) const noexcept {
  if (spec_.y.buffer != no_buffer) fill_halo(spec_.y, spec_.fill, context);
  if (run_ != 0) return run_runs(context);
  switch (spec_.width) {
    case 1: return run_tiles<std::uint8_t>(context);
    case 2: return run_tiles<std::uint16_t>(context);
    case 4: return run_tiles<std::uint32_t>(context);
    default: return run_tiles<std::uint64_t>(context);
  }
}

}  // namespace tessera
