#include "data/exif.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace tessera {
namespace {

constexpr std::uint32_t orientation_tag = 0x0112, short_type = 3;
constexpr std::size_t entry_bytes = 12;

/// Unsigned integers of either byte order; nothing beyond the end.
class TiffReader {
 public:
  TiffReader(std::span<const std::byte> bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  [[nodiscard]] std::optional<std::uint32_t> read(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const auto byte = std::to_integer<std::uint32_t>(bytes_[at + i]);
      value |= byte << (8 * (big_endian_ ? size - 1 - i : i));
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_endian_;
};

}  // namespace

int exif_orientation(std::span<const std::byte> tiff) noexcept {
  constexpr int as_it_is = 1;
  if (tiff.size() < 2) return as_it_is;
  const TiffReader reader(tiff, tiff[0] == std::byte{'M'});
  if (reader.read(2, 2) != 42U) return as_it_is;
  const auto directory = reader.read(4, 4);
  if (!directory) return as_it_is;
  const auto entries = reader.read(*directory, 2);
  for (std::size_t i = 0; i < entries.value_or(0); ++i) {
    const std::size_t entry = *directory + 2 + i * entry_bytes;
    if (reader.read(entry, 2) != orientation_tag) continue;
    const auto value = reader.read(entry + 8, 2);
    const bool valid = reader.read(entry + 2, 2) == short_type && value && *value >= 1 && *value <= 8;
    return valid ? static_cast<int>(*value) : as_it_is;
  }
  return as_it_is;
}

RgbImage upright(RgbImage image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  // 5..8 swap rows and columns. Then the tag says which corner of the stored image is shown at the top left.
  const bool transposed = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  RgbImage shown = transposed ? RgbImage(image.height, image.width) : RgbImage(image.width, image.height);
  for (std::int64_t y = 0; y < shown.height; ++y) {
    std::uint8_t* target = shown.row(y);
    for (std::int64_t x = 0; x < shown.width; ++x, target += 3) {
      const std::int64_t column = transposed ? y : x, line = transposed ? x : y;
      const std::int64_t from_x = from_right ? image.width - 1 - column : column;
      const std::int64_t from_y = from_bottom ? image.height - 1 - line : line;
      std::copy_n(image.row(from_y) + from_x * 3, 3, target);
    }
  }
  return shown;
}

}  // namespace tessera
