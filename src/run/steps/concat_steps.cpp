#include "run/steps/concat_steps.hpp"

#include <cstring>

namespace tessera {

void ConcatImages::run(const RunContext& context) const noexcept {
  fill_halo(y_, fill_, context);
  for_rows_of_member(y_, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    for (std::int64_t h = first; h < last; ++h) {
      std::byte* target = context.at(y_.buffer) + y_.row_offset(n, h);
      for (const Image& part : parts_) {
        const std::byte* source = context.at(part.buffer) + part.row_offset(n, h);
        const auto bytes = static_cast<std::size_t>(part.pixel_bytes());
        for (std::int64_t w = 0; w < y_.width; ++w)
          std::memcpy(target + w * y_.pixel_stride(), source + w * part.pixel_stride(), bytes);
        target += bytes;
      }
    }
  });
}

ConcatRuns::ConcatRuns(std::vector<Part> parts, BufferId target, std::int64_t outer)
    : parts_(std::move(parts)), target_(target), outer_(outer) {
  for (const Part& part : parts_) bytes_ += part.bytes;
}

void ConcatRuns::run(const RunContext& context) const noexcept {
  const Range range = share(outer_, context.member, context.members);
  for (std::int64_t i = range.first; i < range.last; ++i) {
    std::byte* target = context.at(target_) + static_cast<std::size_t>(i) * bytes_;
    for (const Part& part : parts_) {
      std::memcpy(target, context.at(part.buffer) + static_cast<std::size_t>(i) * part.bytes, part.bytes);
      target += part.bytes;
    }
  }
}

}  // namespace tessera
