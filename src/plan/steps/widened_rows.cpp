#include "plan/steps/widened_rows.hpp"

#include <cstring>
#include <utility>

#include "core/memory.hpp"

namespace tessera {
namespace {

/// Between widened rows, lest they share L1 sets, and for what is written beyond a row.
constexpr std::int64_t row_slack = 64;

/// Bytes are widened so many at a time. What is read beyond a segment (buffer_slack) meets zero weights, and what is
/// written beyond it the next segment or the slack.
constexpr std::size_t widened_at_once = 16;
static_assert(widened_at_once <= buffer_slack && widened_at_once * sizeof(std::int16_t) <= row_slack);

}  // namespace

WidenedRows::WidenedRows(const VectorKernels& vector, const BrgemmKernel& kernel, DataType from,
                         std::vector<KSegment> segments)
    : vector_(vector), kernel_(kernel), from_(from), segments_(std::move(segments)) {
  std::int64_t k = 0;
  for (const KSegment& segment : segments_) k += padded(segment.k);
  const auto bytes = static_cast<std::size_t>(k * static_cast<std::int64_t>(size_of(kernel_.a)));
  stride_ = static_cast<std::int64_t>(round_up(bytes, 64)) + row_slack;
}

std::int64_t WidenedRows::padded(std::int64_t k) const noexcept {
  return static_cast<std::int64_t>(round_up(static_cast<std::size_t>(k), static_cast<std::size_t>(kernel_.k_group)));
}

void WidenedRows::widen_segment(const std::byte* from, std::byte* to, std::int64_t k) const noexcept {
  if (kernel_.a == DataType::s16) {
    const auto whole = static_cast<std::int64_t>(round_up(static_cast<std::size_t>(k), widened_at_once));
    return vector_.widen({from, to, whole});
  }
  vector_.convert({{from, 0, from_, {}}, {to, 0, kernel_.a, {}}, 1, k});
  const auto size = static_cast<std::int64_t>(size_of(kernel_.a));
  std::memset(to + k * size, 0, static_cast<std::size_t>((padded(k) - k) * size));
}

void WidenedRows::widen(const std::byte** rows, int count, std::byte* target) const noexcept {
  const auto size = static_cast<std::int64_t>(size_of(kernel_.a));
  for (int i = 0; i < count; ++i, target += stride_) {
    std::byte* to = target;
    for (const KSegment& segment : segments_) {
      widen_segment(rows[i] + segment.a_offset, to, segment.k);
      to += padded(segment.k) * size;
    }
    rows[i] = target;
  }
}

}  // namespace tessera
