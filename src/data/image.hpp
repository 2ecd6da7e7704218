// RgbImage: decoded pixels, 8 bits per channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera {

struct RgbImage {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  ///< row-major, R G B in turn

  RgbImage() = default;
  RgbImage(std::int64_t w, std::int64_t h) : width(w), height(h), pixels(static_cast<std::size_t>(w * h * 3)) {}

  [[nodiscard]] std::uint8_t* row(std::int64_t y) noexcept { return pixels.data() + y * width * 3; }
  [[nodiscard]] const std::uint8_t* row(std::int64_t y) const noexcept { return pixels.data() + y * width * 3; }
};

/// More than any camera makes. A file may claim more in a few bytes; decoding it would only exhaust the memory.
inline constexpr std::int64_t max_pixels = 100'000'000;

}  // namespace tessera
