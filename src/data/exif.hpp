// The one thing of a photo's EXIF data that changes what a model sees: how the camera was held.
#pragma once

#include <cstddef>
#include <span>

#include "data/image.hpp"

namespace tessera {

/// The Orientation tag, 1..8, of EXIF data (a TIFF structure); 1, upright, where it is missing or makes no sense.
int exif_orientation(std::span<const std::byte> tiff) noexcept;

/// The image as it is to be looked at.
RgbImage upright(RgbImage image, int orientation);

}  // namespace tessera
