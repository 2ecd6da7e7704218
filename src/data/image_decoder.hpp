// Image files to pixels. What a file is, its first bytes say, not its name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "data/image.hpp"

namespace tessera {

enum class ImageFormat { png, jpeg };

/// By the first bytes of a file (8 are enough).
std::optional<ImageFormat> image_format_of(std::span<const std::byte> head) noexcept;

/// PNG or JPEG of any kind as upright 8-bit RGB: grey and palette expanded, 16 bits rounded to 8, transparency dropped
/// (as training pipelines do), CMYK converted, EXIF orientation applied. Colour profiles are ignored. Error{invalid}
/// naming `origin` for what is damaged, cut short, too large or another format.
RgbImage decode_image(std::span<const std::byte> file, const std::string& origin);
RgbImage decode_png(std::span<const std::byte> file, const std::string& origin);
RgbImage decode_jpeg(std::span<const std::byte> file, const std::string& origin);

/// Of an image that a header claims: Error{invalid} naming `origin` for more pixels than the limit, or than there is
/// memory for. To be asked before a decoder allocates.
void require_decodable(std::int64_t width, std::int64_t height, const std::string& origin);

}  // namespace tessera
