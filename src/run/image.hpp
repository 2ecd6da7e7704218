// Image: where the pixels of an activation lie. Activations of convolutions are NHWC with an optional border (halo), so
// that a padded convolution reads its padding from memory instead of branching. A matrix of M rows is an image of one
// row and M pixels.
#pragma once

#include <algorithm>
#include <cstdint>

#include "run/step.hpp"
#include "tessera/data_type.hpp"

namespace tessera {

struct Halo {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  [[nodiscard]] bool any() const noexcept { return (top | left | bottom | right) != 0; }
};

constexpr Halo max(const Halo& a, const Halo& b) noexcept {
  return {std::max(a.top, b.top), std::max(a.left, b.left), std::max(a.bottom, b.bottom), std::max(a.right, b.right)};
}

/// Where the rows of a matrix lie, one after the other.
struct RowsPlace {
  BufferId buffer = no_buffer;
  std::int64_t gap = 0;  ///< bytes behind each row that belong to none
};

struct Image {
  BufferId buffer = no_buffer;
  DataType type = DataType::f32;
  std::int64_t count = 1, height = 1, width = 1, channels = 1;
  Halo halo;
  std::int64_t gap = 0;  ///< bytes behind each pixel that belong to none

  [[nodiscard]] std::int64_t pixel_bytes() const noexcept {
    return channels * static_cast<std::int64_t>(size_of(type));
  }
  [[nodiscard]] std::int64_t pixel_stride() const noexcept { return pixel_bytes() + gap; }
  [[nodiscard]] std::int64_t row_stride() const noexcept { return (width + halo.left + halo.right) * pixel_stride(); }
  [[nodiscard]] std::int64_t image_stride() const noexcept { return (height + halo.top + halo.bottom) * row_stride(); }
  [[nodiscard]] std::int64_t bytes() const noexcept { return count * image_stride(); }
  /// Byte offset of pixel (0, 0) of image 0: inside the halo.
  [[nodiscard]] std::int64_t origin() const noexcept { return halo.top * row_stride() + halo.left * pixel_stride(); }

  /// Byte offset of pixel (row, 0) of an image.
  [[nodiscard]] std::int64_t row_offset(std::int64_t image, std::int64_t row) const noexcept {
    return origin() + image * image_stride() + row * row_stride();
  }

  /// A matrix seen as images, one for each item: rows become pixels of one long row.
  static Image matrix(BufferId buffer, DataType type, std::int64_t rows, std::int64_t columns,
                      std::int64_t items = 1) noexcept {
    return matrix(RowsPlace{buffer}, type, rows, columns, items);
  }
  static Image matrix(const RowsPlace& place, DataType type, std::int64_t rows, std::int64_t columns,
                      std::int64_t items = 1) noexcept {
    return {place.buffer, type, items, 1, rows / items, columns, {}, place.gap};
  }
};

/// Calls work(image index, first row, last row) for this member's share of the rows of all images, an image at a time.
template <typename Work>
void for_rows_of_member(const Image& image, const RunContext& context, Work work) noexcept {
  const Range range = share(image.count * image.height, context.member, context.members);
  for (std::int64_t row = range.first; row < range.last;) {
    const std::int64_t first = row % image.height;
    const std::int64_t last = std::min(image.height, first + range.last - row);
    work(row / image.height, first, last);
    row += last - first;
  }
}

/// Fills what of row `h`, which begins at `row`, belongs to the border: all of it above and below the image, else its
/// ends.
void fill_border_of_row(const Image& image, std::int64_t h, std::uint8_t fill, std::byte* row) noexcept;
/// Fills this member's share of the border of `image` with `fill` (0, or the zero point of a u8 image).
void fill_halo(const Image& image, std::uint8_t fill, const RunContext& context) noexcept;

}  // namespace tessera
