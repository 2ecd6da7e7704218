// A small plain forward pass that runs beside the construction of a network with synthetic weights, so that statistics
// which training would have left in it (running means and variances) can be measured instead of guessed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {

/// Feature maps of a few images, one plane of images * height * width elements per channel.
struct Probe {
  std::int64_t channels = 0, images = 0, height = 0, width = 0;
  std::vector<float> elements;

  Probe(std::int64_t channel_count, std::int64_t image_count, std::int64_t h, std::int64_t w)
      : channels(channel_count),
        images(image_count),
        height(h),
        width(w),
        elements(static_cast<std::size_t>(channel_count * image_count * h * w)) {}

  [[nodiscard]] std::int64_t pixels() const noexcept { return images * height * width; }
  [[nodiscard]] std::span<float> plane(std::int64_t channel) noexcept {
    return std::span(elements).subspan(static_cast<std::size_t>(channel * pixels()),
                                       static_cast<std::size_t>(pixels()));
  }
  [[nodiscard]] std::span<const float> plane(std::int64_t channel) const noexcept {
    return std::span(elements).subspan(static_cast<std::size_t>(channel * pixels()),
                                       static_cast<std::size_t>(pixels()));
  }
};

/// From a dense [images, channels, height, width] tensor.
Probe probe_of(const Tensor& images);

/// Convolution with weights [out, in, kernel, kernel].
Probe convolve(const Probe& x, const Tensor& weights, std::int64_t stride, std::int64_t padding);

struct ChannelStatistics {
  std::vector<float> mean, variance;
};
ChannelStatistics channel_statistics(const Probe& x);

/// x = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel.
void normalise(Probe& x, const ChannelStatistics& statistics, std::span<const float> scale, std::span<const float> bias,
               float epsilon);
void add(Probe& x, const Probe& other);
void rectify(Probe& x);
/// Maximum over 3x3 windows, stride 2, padding 1.
Probe max_pool(const Probe& x);
/// Root of the mean square over all channels of their means per image: the size of what global average pooling yields.
float pooled_magnitude(const Probe& x);

}  // namespace tessera
