// What a model expects of its images: size, cut, range. Read from Hugging Face's preprocessor_config.json.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "data/image.hpp"
#include "data/resample.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

struct ImagePreprocessing {
  enum class Resize : std::uint8_t { none, shorter_side, exact };

  Resize resize = Resize::shorter_side;
  std::int64_t height = 256, width = 256;  ///< shorter_side: both are that side
  Resampling resampling = Resampling::bilinear;
  bool crop = true;
  std::int64_t crop_height = 224, crop_width = 224;
  double factor = 1.0 / 255;
  std::array<double, 3> mean = {0.485, 0.456, 0.406}, deviation = {0.229, 0.224, 0.225};  ///< of the scaled values
  bool bgr = false;
  std::string origin = "the ImageNet defaults";  ///< for messages
};

/// Error{invalid} naming the file and the entry that makes no sense. Entries that say nothing about pixels are ignored.
ImagePreprocessing read_image_preprocessing(const std::string& path);
ImagePreprocessing parse_image_preprocessing(const std::string& json, const std::string& origin);

/// The same for a model that fixes its input to height x width: sizes change in proportion.
ImagePreprocessing fitted_to(ImagePreprocessing preprocessing, std::int64_t height, std::int64_t width);

/// Resized and cut. Error{invalid} naming `origin` for an image so long and thin that its resized longer side would
/// exhaust the memory.
RgbImage brought_to_size(RgbImage image, const ImagePreprocessing& preprocessing, const std::string& origin);

/// Scaled and normalised: f32 [1, channels, H, W]. `channels` is 3, or 1 for a model that takes grey images.
Tensor normalised(const RgbImage& image, const ImagePreprocessing& preprocessing, std::int64_t channels);

/// Both.
Tensor preprocess(const RgbImage& image, const ImagePreprocessing& preprocessing, std::int64_t channels,
                  const std::string& origin);

}  // namespace tessera
