#include "run/steps/depthwise_step.hpp"

#include <algorithm>

namespace tessera {
namespace {

/// Rows are cut into pieces of so many channels where members outnumber rows.
constexpr std::int64_t channels_of_piece = 64;

std::int64_t at(const Image& image, std::int64_t n, std::int64_t h, std::int64_t channel) noexcept {
  return image.row_offset(n, h) + channel * static_cast<std::int64_t>(size_of(image.type));
}

}  // namespace

void DepthwiseStep::run(const RunContext& context) const noexcept {
  fill_halo(spec_.y, spec_.fill, context);
  const std::int64_t rows = spec_.y.count * spec_.y.height;
  // A last share of one row more than the others is what costs time: few rows are cut.
  const std::int64_t pieces =
      rows >= 8 * context.members ? 1 : (spec_.y.channels + channels_of_piece - 1) / channels_of_piece;
  const Range range = share(rows * pieces, context.member, context.members);
  for (std::int64_t i = range.first; i < range.last; ++i) {
    const std::int64_t row = i / pieces, piece = i % pieces;
    const std::int64_t first = pieces == 1 ? 0 : piece * channels_of_piece;
    const std::int64_t last = pieces == 1 ? spec_.y.channels : std::min(spec_.y.channels, first + channels_of_piece);
    run_row(context, row / spec_.y.height, row % spec_.y.height, first, last - first);
  }
}

void DepthwiseStep::run_rows(const RunContext& context, const Range& rows) const noexcept {
  for (std::int64_t row = rows.first; row < rows.last; ++row)
    run_row(context, row / spec_.y.height, row % spec_.y.height, 0, spec_.y.channels);
}

void DepthwiseStep::run_row(const RunContext& context, std::int64_t n, std::int64_t h, std::int64_t channel,
                            std::int64_t channels) const noexcept {
  Epilogue epilogue = spec_.epilogue;
  if (epilogue.bias != nullptr) epilogue.bias += channel;
  if (epilogue.scale != nullptr) epilogue.scale += channel;
  if (epilogue.compensation != nullptr) epilogue.compensation += channel;
  DepthwiseCall call;
  call.x = context.at(spec_.x.buffer) + at(spec_.x, n, h * spec_.stride_h, channel) + spec_.first_tap;
  call.type = spec_.x.type;
  call.x_step = spec_.stride_w * spec_.x.pixel_stride();
  call.taps = spec_.taps.data();
  call.tap_count = static_cast<int>(spec_.taps.size());
  call.row_taps = spec_.row_taps;
  call.tap_step = spec_.x.pixel_stride();
  call.group = spec_.group;
  call.weights = spec_.weights + channel / depthwise_lanes * spec_.block_bytes;
  call.channels = channels;
  call.pixels = spec_.y.width;
  call.epilogue = &epilogue;
  if (spec_.residual.buffer != no_buffer) {
    call.residual = context.at(spec_.residual.buffer) + at(spec_.residual, n, h, channel);
    call.residual_step = spec_.residual.pixel_stride();
  }
  call.y = context.at(spec_.y.buffer) + at(spec_.y, n, h, channel);
  call.y_step = spec_.y.pixel_stride();
  kernel_(call);
}

}  // namespace tessera
