#include "run/steps/widened_rows.hpp"

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

/// WidenedRows::step_
std::int64_t step_of(const std::vector<KSegment>& segments) {
  if (segments.size() < 2) return 0;
  const std::int64_t step = segments[1].a_offset - segments[0].a_offset;
  for (std::size_t i = 1; i < segments.size(); ++i)
    if (segments[i].k != segments[0].k || segments[i].a_offset - segments[i - 1].a_offset != step) return 0;
  return step;
}

}  // namespace

WidenedRows::WidenedRows(const VectorKernels& vector, const BrgemmKernel& kernel, DataType from,
                         std::vector<KSegment> segments)
    : vector_(vector), kernel_(kernel), from_(from), segments_(std::move(segments)) {
  std::int64_t k = 0;
  for (const KSegment& segment : segments_) k += padded(segment.k);
  const auto bytes = static_cast<std::size_t>(k * static_cast<std::int64_t>(size_of(kernel_.a)));
  stride_ = static_cast<std::int64_t>(round_up(bytes, 64)) + row_slack;
  step_ = step_of(segments_);
}

std::int64_t WidenedRows::padded(std::int64_t k) const noexcept {
  return static_cast<std::int64_t>(round_up(static_cast<std::size_t>(k), static_cast<std::size_t>(kernel_.k_group)));
}

void WidenedRows::widen_bytes(const std::byte* from, std::byte* to) const noexcept {
  const auto whole = [](std::int64_t k) {
    return static_cast<std::int64_t>(round_up(static_cast<std::size_t>(k), widened_at_once));
  };
  const auto bytes = [&](const KSegment& segment) { return padded(segment.k) * std::int64_t{sizeof(std::int16_t)}; };
  if (step_ != 0) {
    const KSegment& first = segments_.front();
    return vector_.widen(
        {from + first.a_offset, to, whole(first.k), static_cast<std::int64_t>(segments_.size()), step_, bytes(first)});
  }
  for (const KSegment& segment : segments_) {
    vector_.widen({.x = from + segment.a_offset, .y = to, .n = whole(segment.k)});
    to += bytes(segment);
  }
}

void WidenedRows::convert(const std::byte* from, std::byte* to) const noexcept {
  const auto size = static_cast<std::int64_t>(size_of(kernel_.a));
  for (const KSegment& segment : segments_) {
    vector_.convert({{from + segment.a_offset, 0, from_, {}}, {to, 0, kernel_.a, {}}, 1, segment.k});
    std::memset(to + segment.k * size, 0, static_cast<std::size_t>((padded(segment.k) - segment.k) * size));
    to += padded(segment.k) * size;
  }
}

void WidenedRows::widen(const std::byte** rows, int count, std::byte* target) const noexcept {
  for (int i = 0; i < count; ++i, target += stride_) {
    if (kernel_.a == DataType::s16)
      widen_bytes(rows[i], target);
    else
      convert(rows[i], target);
    rows[i] = target;
  }
}

}  // namespace tessera
