#include "run/steps/depth_first_step.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/memory.hpp"

namespace tessera {

DepthFirstStep::DepthFirstStep(std::unique_ptr<const GemmStep> product, std::unique_ptr<const DepthwiseStep> depthwise,
                               std::int64_t band_rows)
    : product_(std::move(product)), depthwise_(std::move(depthwise)), band_rows_(band_rows) {}

std::size_t DepthFirstStep::band_bytes() const noexcept {
  const DepthwiseSpec& spec = depthwise_->spec();
  const std::int64_t rows = (band_rows_ - 1) * spec.stride_h + spec.window_rows;
  return round_up(static_cast<std::size_t>(rows * spec.x.row_stride()) + buffer_slack, 64);
}

std::size_t DepthFirstStep::scratch_bytes() const noexcept {
  return band_bytes() + product_->scratch_bytes();
}

void DepthFirstStep::fetch(RunContext& context, const Band& held, const Band& wanted) const noexcept {
  const Image& image = depthwise_->spec().x;
  std::byte* const memory = context.scratch - band_bytes();
  std::int64_t from = wanted.first;
  if (held.image == wanted.image && held.last > wanted.first) {
    std::memmove(memory, memory + (wanted.first - held.first) * image.row_stride(),
                 static_cast<std::size_t>((held.last - wanted.first) * image.row_stride()));
    from = held.last;
  }
  for (std::int64_t row = from; row < wanted.last; ++row)
    fill_border_of_row(image, row, product_->spec().fill, memory + (row - wanted.first) * image.row_stride());
  // Where the whole image would begin.
  context.own_memory =
      memory - wanted.image * image.image_stride() - (image.halo.top + wanted.first) * image.row_stride();
  const std::int64_t first = std::max<std::int64_t>(from, 0), last = std::min(wanted.last, image.height);
  const std::int64_t above = wanted.image * image.height;
  if (first < last) product_->run_rows(context, {(above + first) * image.width, (above + last) * image.width});
}

void DepthFirstStep::run(const RunContext& context) const noexcept {
  const DepthwiseSpec& spec = depthwise_->spec();
  fill_halo(spec.y, spec.fill, context);
  // The band lies in front of what the product has as scratch.
  RunContext own = context;
  own.scratch += band_bytes();
  own.own = spec.x.buffer;
  Band held;
  for_rows_of_member(spec.y, context, [&](std::int64_t image, std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; row += band_rows_) {
      const std::int64_t end = std::min(last, row + band_rows_);
      const std::int64_t top = row * spec.stride_h - spec.pad_top;
      const Band wanted{image, top, top + (end - row - 1) * spec.stride_h + spec.window_rows};
      fetch(own, held, wanted);
      held = wanted;
      depthwise_->run_rows(own, {image * spec.y.height + row, image * spec.y.height + end});
    }
  });
}

}  // namespace tessera
