#include "run/steps/gemm_spec.hpp"

#include <algorithm>

namespace tessera {

void locate_rows(const GemmSpec& spec, const RunContext& context, std::int64_t group, std::int64_t first_row, int count,
                 const RowPointers& rows) noexcept {
  const Image& c = spec.c;
  const std::int64_t in_channels = spec.a.channels / spec.groups;
  const std::byte* a_base = context.at(spec.a.buffer) + spec.a.origin() + spec.first_tap +
                            group * in_channels * static_cast<std::int64_t>(size_of(spec.a.type));
  const std::int64_t group_columns = group * spec.columns;
  std::byte* c_base = context.at(c.buffer) + c.origin() + group_columns * static_cast<std::int64_t>(size_of(c.type));
  const Image& r = spec.residual;
  const std::byte* r_base = r.buffer == no_buffer ? nullptr
                                                  : context.at(r.buffer) + r.origin() +
                                                        group_columns * static_cast<std::int64_t>(size_of(r.type));
  // Strides are multiplied once for each row of an image: this runs for every pixel of every layer.
  const std::int64_t a_step = spec.stride_w * spec.a.pixel_stride(), c_step = c.pixel_stride();
  const std::int64_t r_step = r.pixel_stride();
  std::int64_t w = first_row % c.width;
  for (int i = 0; i < count;) {
    const std::int64_t line = (first_row + i) / c.width, h = line % c.height, n = line / c.height;
    const std::byte* a = a_base + n * spec.a.image_stride() + h * spec.stride_h * spec.a.row_stride() + w * a_step;
    std::byte* to = c_base + n * c.image_stride() + h * c.row_stride() + w * c_step;
    const auto pixels = static_cast<int>(std::min<std::int64_t>(count - i, c.width - w));
    for (int p = 0; p < pixels; ++p, a += a_step, to += c_step) {
      rows.a[i + p] = a;
      rows.c[i + p] = to;
    }
    if (r_base != nullptr) {
      const std::byte* from = r_base + n * r.image_stride() + h * r.row_stride() + w * r_step;
      for (int p = 0; p < pixels; ++p, from += r_step) rows.residual[i + p] = from;
    }
    i += pixels;
    w = 0;
  }
}

}  // namespace tessera
