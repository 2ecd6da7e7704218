#include "data/resample.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace tessera {
namespace {

// Fixed point: 8 bits for the pixel, 2 for filters that overshoot, the rest of an int for the weight.
constexpr int weight_bits = 32 - 8 - 2;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double support_of(Resampling filter) {
  switch (filter) {
    case Resampling::lanczos: return 3.0;
    case Resampling::bicubic: return 2.0;
    case Resampling::bilinear: return 1.0;
    case Resampling::hamming: return 1.0;
    case Resampling::box: return 0.5;
  }
  return 1.0;
}

double weight_of(Resampling filter, double x) {
  const double distance = std::abs(x);
  switch (filter) {
    case Resampling::bilinear: return distance < 1.0 ? 1.0 - distance : 0.0;
    case Resampling::box: return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Resampling::hamming:
      if (distance >= 1.0) return 0.0;
      return distance == 0.0 ? 1.0 : sinc(distance) * (0.54 + 0.46 * std::cos(std::numbers::pi * distance));
    case Resampling::lanczos: return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
    case Resampling::bicubic: {
      constexpr double a = -0.5;
      if (distance < 1.0) return ((a + 2.0) * distance - (a + 3.0)) * distance * distance + 1;
      if (distance < 2.0) return (((distance - 5) * distance + 8) * distance - 4) * a;
      return 0.0;
    }
  }
  return 0.0;
}

/// What one line of the result takes from a line of the image: for each pixel the first source pixel and weights.
struct Taps {
  struct Pixel {
    std::int64_t first = 0;
    std::size_t begin = 0, count = 0;
  };
  std::vector<Pixel> pixels;
  std::vector<int> weights;
};

Taps make_taps(std::int64_t source, std::int64_t target, Resampling filter) {
  const double scale = static_cast<double>(source) / static_cast<double>(target);
  const double widening = std::max(scale, 1.0);
  const double reach = support_of(filter) * widening;
  Taps taps;
  std::vector<double> weights;
  for (std::int64_t i = 0; i < target; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const std::int64_t first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - reach + 0.5), 0);
    const std::int64_t last = std::min(static_cast<std::int64_t>(centre + reach + 0.5), source);
    weights.clear();
    double sum = 0.0;
    for (std::int64_t x = first; x < last; ++x) {
      weights.push_back(weight_of(filter, (static_cast<double>(x) - centre + 0.5) * (1.0 / widening)));
      sum += weights.back();
    }
    taps.pixels.push_back({first, taps.weights.size(), weights.size()});
    for (const double weight : weights) {
      const double fixed = (sum == 0.0 ? weight : weight / sum) * (1 << weight_bits);
      taps.weights.push_back(static_cast<int>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return taps;
}

std::uint8_t rounded(int sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> weight_bits, 0, 255));
}

RgbImage resize_columns(const RgbImage& image, std::int64_t width, Resampling filter) {
  const Taps taps = make_taps(image.width, width, filter);
  RgbImage result(width, image.height);
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::uint8_t* target = result.row(y);
    for (const Taps::Pixel& pixel : taps.pixels) {
      const std::uint8_t* source = image.row(y) + pixel.first * 3;
      int red = 1 << (weight_bits - 1), green = red, blue = red;
      for (std::size_t i = 0; i < pixel.count; ++i, source += 3) {
        const int weight = taps.weights[pixel.begin + i];
        red += weight * source[0];
        green += weight * source[1];
        blue += weight * source[2];
      }
      *target++ = rounded(red);
      *target++ = rounded(green);
      *target++ = rounded(blue);
    }
  }
  return result;
}

RgbImage resize_rows(const RgbImage& image, std::int64_t height, Resampling filter) {
  const Taps taps = make_taps(image.height, height, filter);
  RgbImage result(image.width, height);
  std::vector<int> sums(static_cast<std::size_t>(image.width) * 3);
  for (std::int64_t y = 0; y < height; ++y) {
    const Taps::Pixel& pixel = taps.pixels[static_cast<std::size_t>(y)];
    std::fill(sums.begin(), sums.end(), 1 << (weight_bits - 1));
    for (std::size_t i = 0; i < pixel.count; ++i) {
      const int weight = taps.weights[pixel.begin + i];
      const std::uint8_t* source = image.row(pixel.first + static_cast<std::int64_t>(i));
      for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += weight * source[x];
    }
    std::transform(sums.begin(), sums.end(), result.row(y), rounded);
  }
  return result;
}

}  // namespace

RgbImage resize(const RgbImage& image, std::int64_t width, std::int64_t height, Resampling filter) {
  if (width == image.width && height == image.height) return image;
  if (width == image.width) return resize_rows(image, height, filter);
  RgbImage narrow = resize_columns(image, width, filter);
  return height == image.height ? narrow : resize_rows(narrow, height, filter);
}

RgbImage centre_crop(const RgbImage& image, std::int64_t width, std::int64_t height) {
  if (width == image.width && height == image.height) return image;
  RgbImage piece(width, height);
  // A border of one odd pixel goes to the right and the bottom, in both directions.
  const auto halved = [](std::int64_t difference) { return difference >= 0 ? difference / 2 : -(-difference / 2); };
  const std::int64_t left = halved(image.width - width), top = halved(image.height - height);
  const std::int64_t first_x = std::max<std::int64_t>(0, -left), first_y = std::max<std::int64_t>(0, -top);
  const std::int64_t columns = std::min(width, image.width), lines = std::min(height, image.height);
  for (std::int64_t y = first_y; y < first_y + lines; ++y)
    std::copy_n(image.row(y + top) + (first_x + left) * 3, columns * 3, piece.row(y) + first_x * 3);
  return piece;
}

}  // namespace tessera
