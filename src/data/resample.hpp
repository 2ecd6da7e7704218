// Resizing as Pillow does it, bit for bit: models were trained on its pixels.
#pragma once

#include <cstdint>

#include "data/image.hpp"

namespace tessera {

/// The numbers are Pillow's, which preprocessor_config.json uses.
enum class Resampling : std::uint8_t { lanczos = 1, bilinear = 2, bicubic = 3, box = 4, hamming = 5 };

/// Separable filter, widened when shrinking (antialias); columns first, rounded to 8 bits, then rows.
RgbImage resize(const RgbImage& image, std::int64_t width, std::int64_t height, Resampling filter);

/// The middle of the image; black where it is smaller than the wanted piece.
RgbImage centre_crop(const RgbImage& image, std::int64_t width, std::int64_t height);

}  // namespace tessera
