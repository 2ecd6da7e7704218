#include "data/image_preprocessing.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.hpp"

namespace tessera {
namespace {

/// `value` * `by` / `of`, to the nearest integer.
std::int64_t in_proportion(std::int64_t value, std::int64_t by, std::int64_t of) {
  return std::max<std::int64_t>(1, (2 * value * by + of) / (2 * of));
}

RgbImage resized(RgbImage image, const ImagePreprocessing& preprocessing, const std::string& origin) {
  switch (preprocessing.resize) {
    case ImagePreprocessing::Resize::none: return image;  // moved
    case ImagePreprocessing::Resize::exact:
      return resize(image, preprocessing.width, preprocessing.height, preprocessing.resampling);
    case ImagePreprocessing::Resize::shorter_side: break;
  }
  // The longer side is rounded down, as torchvision does.
  const std::int64_t side = preprocessing.height;
  const bool wide = image.width > image.height;
  const std::int64_t longer = side * std::max(image.width, image.height) / std::min(image.width, image.height);
  if (longer > max_pixels / side)
    reject(origin,
           "is too long and thin (" + std::to_string(image.width) + " x " + std::to_string(image.height) +
               ") to bring its shorter side to " + std::to_string(side) + " pixels",
           "cut it or remove it");
  return resize(image, wide ? longer : side, wide ? side : longer, preprocessing.resampling);
}

/// The 256 values a channel can take, scaled and normalised.
std::array<float, 256> normalised_values(const ImagePreprocessing& preprocessing, std::size_t channel) {
  std::array<float, 256> values{};
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((static_cast<double>(i) * preprocessing.factor - preprocessing.mean[channel]) /
                                   preprocessing.deviation[channel]);
  return values;
}

/// ITU-R 601 luma in 16-bit fixed point.
std::uint8_t grey(const std::uint8_t* rgb) {
  constexpr unsigned red = 19595, green = 38470, blue = 7471, half = 1U << 15U;
  return static_cast<std::uint8_t>((red * rgb[0] + green * rgb[1] + blue * rgb[2] + half) >> 16U);
}

}  // namespace

ImagePreprocessing fitted_to(ImagePreprocessing preprocessing, std::int64_t height, std::int64_t width) {
  using Resize = ImagePreprocessing::Resize;
  ImagePreprocessing fitted = std::move(preprocessing);
  if (fitted.crop) {
    if (fitted.crop_height == height && fitted.crop_width == width) return fitted;
    fitted.height = in_proportion(fitted.height, height, fitted.crop_height);
    fitted.width = in_proportion(fitted.width, width, fitted.crop_width);
    if (fitted.resize == Resize::shorter_side) fitted.height = fitted.width = std::max(fitted.height, fitted.width);
    fitted.crop_height = height;
    fitted.crop_width = width;
  } else if (fitted.resize == Resize::exact) {
    fitted.height = height;
    fitted.width = width;
  } else if (fitted.resize == Resize::shorter_side) {
    fitted.height = fitted.width = std::max(height, width);
    fitted.crop = true;
    fitted.crop_height = height;
    fitted.crop_width = width;
  }
  return fitted;
}

RgbImage brought_to_size(RgbImage image, const ImagePreprocessing& preprocessing, const std::string& origin) {
  RgbImage ready = resized(std::move(image), preprocessing, origin);
  if (preprocessing.crop) ready = centre_crop(ready, preprocessing.crop_width, preprocessing.crop_height);
  return ready;
}

Tensor preprocess(const RgbImage& image, const ImagePreprocessing& preprocessing, std::int64_t channels,
                  const std::string& origin) {
  return normalised(brought_to_size(image, preprocessing, origin), preprocessing, channels);
}

Tensor normalised(const RgbImage& ready, const ImagePreprocessing& preprocessing, std::int64_t channels) {
  Tensor tensor(DataType::f32, {1, channels, ready.height, ready.width});
  const std::size_t pixels = static_cast<std::size_t>(ready.width * ready.height);
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    const std::array<float, 256> values = normalised_values(preprocessing, c);
    float* target = tensor.mutable_as<float>().data() + c * pixels;
    const std::uint8_t* source = ready.pixels.data();
    const std::size_t place = preprocessing.bgr ? 2 - c : c;
    for (std::size_t i = 0; i < pixels; ++i, source += 3)
      target[i] = values[channels == 1 ? grey(source) : source[place]];
  }
  return tensor;
}

}  // namespace tessera
