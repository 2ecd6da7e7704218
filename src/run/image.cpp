#include "run/image.hpp"

#include <cstring>

namespace tessera {

void fill_halo(const Image& image, std::uint8_t fill, const RunContext& context) noexcept {
  if (!image.halo.any()) return;
  const std::int64_t rows = image.height + image.halo.top + image.halo.bottom;
  const auto left = static_cast<std::size_t>(image.halo.left * image.pixel_stride());
  const auto right = static_cast<std::size_t>(image.halo.right * image.pixel_stride());
  const auto whole = static_cast<std::size_t>(image.row_stride());
  const Range range = share(image.count * rows, context.member, context.members);
  for (std::int64_t i = range.first; i < range.last; ++i) {
    std::byte* row = context.at(image.buffer) + i * image.row_stride();
    const std::int64_t h = i % rows - image.halo.top;
    if (h < 0 || h >= image.height) {
      std::memset(row, fill, whole);
    } else {
      std::memset(row, fill, left);
      std::memset(row + whole - right, fill, right);
    }
  }
}

}  // namespace tessera
