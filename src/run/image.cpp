#include "run/image.hpp"

#include <cstring>

namespace tessera {

void fill_border_of_row(const Image& image, std::int64_t h, std::uint8_t fill, std::byte* row) noexcept {
  const auto whole = static_cast<std::size_t>(image.row_stride());
  if (h < 0 || h >= image.height) {
    std::memset(row, fill, whole);
    return;
  }
  const auto right = static_cast<std::size_t>(image.halo.right * image.pixel_stride());
  std::memset(row, fill, static_cast<std::size_t>(image.halo.left * image.pixel_stride()));
  std::memset(row + whole - right, fill, right);
}

void fill_halo(const Image& image, std::uint8_t fill, const RunContext& context) noexcept {
  if (!image.halo.any()) return;
  const std::int64_t rows = image.height + image.halo.top + image.halo.bottom;
  const Range range = share(image.count * rows, context.member, context.members);
  for (std::int64_t i = range.first; i < range.last; ++i)
    fill_border_of_row(image, i % rows - image.halo.top, fill, context.at(image.buffer) + i * image.row_stride());
}

}  // namespace tessera
