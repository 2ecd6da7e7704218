#include "compile/product/byte_products.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/deferred_tensor.hpp"
#include "kernels/brgemm/overflow.hpp"

namespace tessera {
namespace {

/// Panels that a choice looks at.
constexpr std::int64_t most_samples = 4;

struct Panels {
  std::int64_t count = 0, groups = 0;  ///< k_groups of each
};

Panels panels_of(const BrgemmKernel& kernel, const GemmWeights& weights) {
  const auto group_bytes = static_cast<std::size_t>(kernel.nr * kernel.k_group);
  return {weights.groups * ((weights.columns + kernel.nr - 1) / kernel.nr),
          static_cast<std::int64_t>(packed_panel_bytes(kernel, weights.segment_k) / group_bytes)};
}

std::size_t panel_bytes(const BrgemmKernel& kernel, const GemmWeights& weights) {
  return static_cast<std::size_t>(weights.groups) * packed_b_bytes(kernel, weights.segment_k, weights.columns);
}

/// The marks of the `count` columns from `first` on, of all groups together, in the order of k if not in its segments.
std::vector<std::uint8_t> marks_of_columns(const BrgemmKernel& kernel, const GemmWeights& weights,
                                           const std::byte* elements, std::int64_t first, std::int64_t count) {
  const std::int64_t k = total_k(weights);
  const std::int64_t channels = k / weights.taps, all_columns = weights.groups * weights.columns;
  const std::vector<std::int64_t> segment_k(static_cast<std::size_t>(weights.taps), channels);
  const std::int64_t segment[] = {channels};
  const std::size_t segment_bytes = packed_panel_bytes(kernel, segment);
  AlignedBuffer panel(segment_bytes * segment_k.size());
  for (std::int64_t tap = 0; tap < weights.taps; ++tap) {
    const BMatrix matrix = weights.columns_innermost
                               ? BMatrix{elements + first, DataType::s8, k, count, all_columns, 1}
                               : BMatrix{elements + first * k + tap, DataType::s8, channels, count, weights.taps, k};
    pack_b(kernel, matrix, segment, panel.data() + static_cast<std::size_t>(tap) * segment_bytes);
  }
  std::vector<std::uint8_t> marks(panel.size() / static_cast<std::size_t>(kernel.nr * kernel.k_group));
  mark_overflows(kernel, panel.data(), static_cast<std::int64_t>(marks.size()), marks.data());
  return marks;
}

/// Picoseconds of a multiply-add in a group with this mark.
double cost_of(const MachineConstants& machine, std::uint8_t mark) {
  if ((mark & overflow::in_fours) == 0) return machine.bytes;
  return (mark & overflow::in_pairs) != 0 ? machine.bytes_widened : machine.bytes_in_pairs;
}

}  // namespace

double cost_in_bytes(const MachineConstants& machine, const BrgemmKernel& kernel, const GemmWeights& weights) {
  if (!reads_overflows(kernel)) return std::numeric_limits<double>::infinity();
  const BorrowedElements borrowed = borrow(weights.value->constant);
  const std::int64_t columns = weights.groups * weights.columns;
  const std::int64_t panels = (columns + kernel.nr - 1) / kernel.nr, samples = std::min(panels, most_samples);
  double cost = 0, groups = 0;
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::int64_t first = i * panels / samples * kernel.nr;
    const std::int64_t count = std::min<std::int64_t>(kernel.nr, columns - first);
    for (const std::uint8_t mark : marks_of_columns(kernel, weights, borrowed.data, first, count)) {
      cost += cost_of(machine, mark);
      ++groups;
    }
  }
  return groups > 0 ? cost / groups : machine.bytes;
}

std::size_t mark_bytes(const BrgemmKernel& kernel, const GemmWeights& weights) {
  if (!reads_overflows(kernel)) return 0;
  const Panels panels = panels_of(kernel, weights);
  return static_cast<std::size_t>(panels.count * panels.groups);
}

void mark_panels(const BrgemmKernel& kernel, const GemmWeights& weights, std::byte* packed) {
  if (!reads_overflows(kernel)) return;
  const Panels panels = panels_of(kernel, weights);
  auto* marks = reinterpret_cast<std::uint8_t*>(packed + panel_bytes(kernel, weights));
  const std::size_t bytes = packed_panel_bytes(kernel, weights.segment_k);
  for (std::int64_t panel = 0; panel < panels.count; ++panel, packed += bytes, marks += panels.groups)
    mark_overflows(kernel, packed, panels.groups, marks);
}

const std::uint8_t* marks_of(const BrgemmKernel& kernel, const GemmWeights& weights, const std::byte* packed) {
  if (!reads_overflows(kernel)) return nullptr;
  return reinterpret_cast<const std::uint8_t*>(packed + panel_bytes(kernel, weights));
}

const BrgemmKernel& bytes_where_faster(const Builder& builder, const BrgemmKernel& chosen, const GemmWeights& weights) {
  if (chosen.a != DataType::s16) return chosen;
  const BrgemmKernel& bytes = *find_brgemm(DataType::u8, DataType::s8, builder.isa());
  const MachineConstants& machine = builder.machine();
  return cost_in_bytes(machine, bytes, weights) < machine.words ? bytes : chosen;
}

}  // namespace tessera
