#include "models/probe.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace tessera {
namespace {

// Output pixels computed together: with two output channels their sums take half of the registers of plain x86-64.
constexpr std::int64_t block_pixels = 16;
using Block = std::array<float, block_pixels>;

// Spelled out because compilers, left alone, vectorise over the wrong loop here, at a fifth of the speed.
using Vector = float __attribute__((vector_size(16)));
constexpr std::size_t lanes = sizeof(Vector) / sizeof(float), vectors = block_pixels / lanes;

Vector load(const float* elements) {
  Vector vector;
  std::memcpy(&vector, elements, sizeof vector);
  return vector;
}

/// Where the kernel window of each output pixel of a block begins in the input (may lie in the padding).
struct Window {
  std::int64_t image, y, x;
};

/// The inputs under all kernel positions of up to `block_pixels` output pixels: patch[k][i] for k over (channel, ky,
/// kx).
void gather_patches(const Probe& x, std::span<const Window> windows, std::int64_t kernel, std::vector<Block>& patches) {
  std::size_t k = 0;
  for (std::int64_t channel = 0; channel < x.channels; ++channel) {
    const auto plane = x.plane(channel);
    for (std::int64_t ky = 0; ky < kernel; ++ky)
      for (std::int64_t kx = 0; kx < kernel; ++kx, ++k)
        for (std::size_t i = 0; i < windows.size(); ++i) {
          const std::int64_t row = windows[i].y + ky, column = windows[i].x + kx;
          const bool inside = row >= 0 && row < x.height && column >= 0 && column < x.width;
          patches[k][i] =
              inside ? plane[static_cast<std::size_t>((windows[i].image * x.height + row) * x.width + column)] : 0.0F;
        }
  }
}

/// Dot products of two weight rows with all patches.
void multiply(const std::vector<Block>& patches, const float* first_row, const float* second_row, Block& first_sum,
              Block& second_sum) {
  Vector first[vectors]{}, second[vectors]{};
  for (std::size_t k = 0; k < patches.size(); ++k)
    for (std::size_t v = 0; v < vectors; ++v) {
      const Vector patch = load(patches[k].data() + v * lanes);
      first[v] += first_row[k] * patch;
      second[v] += second_row[k] * patch;
    }
  std::memcpy(first_sum.data(), first, sizeof first);
  std::memcpy(second_sum.data(), second, sizeof second);
}

}  // namespace

Probe probe_of(const Tensor& images) {
  const Shape& shape = images.shape();
  Probe probe(shape[1], shape[0], shape[2], shape[3]);
  const auto source = images.as<float>();
  const auto plane_size = static_cast<std::size_t>(probe.height * probe.width);
  for (std::int64_t image = 0; image < probe.images; ++image)
    for (std::int64_t channel = 0; channel < probe.channels; ++channel) {
      const auto from =
          source.subspan(static_cast<std::size_t>(image * probe.channels + channel) * plane_size, plane_size);
      std::copy(from.begin(), from.end(),
                probe.plane(channel).begin() + static_cast<std::ptrdiff_t>(plane_size) * image);
    }
  return probe;
}

Probe convolve(const Probe& x, const Tensor& weights, std::int64_t stride, std::int64_t padding) {
  const std::int64_t outputs = weights.shape()[0], kernel = weights.shape()[2];
  const auto depth = static_cast<std::size_t>(x.channels * kernel * kernel);
  Probe y(outputs, x.images, (x.height + 2 * padding - kernel) / stride + 1,
          (x.width + 2 * padding - kernel) / stride + 1);
  std::vector<Block> patches(depth, Block{});
  const float* rows = weights.as<float>().data();

  for (std::int64_t begin = 0; begin < y.pixels(); begin += block_pixels) {
    const auto count = static_cast<std::size_t>(std::min(block_pixels, y.pixels() - begin));
    std::array<Window, block_pixels> windows{};
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t pixel = begin + static_cast<std::int64_t>(i);
      windows[i] = {pixel / (y.height * y.width), pixel / y.width % y.height * stride - padding,
                    pixel % y.width * stride - padding};
    }
    gather_patches(x, std::span(windows).first(count), kernel, patches);
    for (std::int64_t output = 0; output < outputs; output += 2) {
      const std::int64_t other = std::min(output + 1, outputs - 1);
      Block sums, other_sums;
      multiply(patches, rows + static_cast<std::size_t>(output) * depth, rows + static_cast<std::size_t>(other) * depth,
               sums, other_sums);
      std::copy_n(sums.begin(), count, y.plane(output).begin() + begin);
      std::copy_n(other_sums.begin(), count, y.plane(other).begin() + begin);
    }
  }
  return y;
}

ChannelStatistics channel_statistics(const Probe& x) {
  ChannelStatistics statistics;
  const auto count = static_cast<double>(x.pixels());
  for (std::int64_t channel = 0; channel < x.channels; ++channel) {
    double sum = 0, squares = 0;
    for (const float element : x.plane(channel)) sum += element;
    const double mean = sum / count;
    for (const float element : x.plane(channel)) squares += (element - mean) * (element - mean);
    statistics.mean.push_back(static_cast<float>(mean));
    statistics.variance.push_back(static_cast<float>(squares / count));
  }
  return statistics;
}

void normalise(Probe& x, const ChannelStatistics& statistics, std::span<const float> scale, std::span<const float> bias,
               float epsilon) {
  for (std::int64_t channel = 0; channel < x.channels; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    const float factor = scale[c] / std::sqrt(statistics.variance[c] + epsilon);
    for (float& element : x.plane(channel)) element = (element - statistics.mean[c]) * factor + bias[c];
  }
}

void add(Probe& x, const Probe& other) {
  for (std::size_t i = 0; i < x.elements.size(); ++i) x.elements[i] += other.elements[i];
}

void rectify(Probe& x) {
  for (float& element : x.elements) element = std::max(element, 0.0F);
}

Probe max_pool(const Probe& x) {
  Probe y(x.channels, x.images, (x.height - 1) / 2 + 1, (x.width - 1) / 2 + 1);
  for (std::int64_t channel = 0; channel < x.channels; ++channel)
    for (std::int64_t pixel = 0; pixel < y.pixels(); ++pixel) {
      const std::int64_t image = pixel / (y.height * y.width), row = pixel / y.width % y.height * 2,
                         column = pixel % y.width * 2;
      const auto plane = x.plane(channel);
      float largest = plane[static_cast<std::size_t>((image * x.height + row) * x.width + column)];
      for (std::int64_t r = std::max<std::int64_t>(row - 1, 0); r < std::min(row + 2, x.height); ++r)
        for (std::int64_t c = std::max<std::int64_t>(column - 1, 0); c < std::min(column + 2, x.width); ++c)
          largest = std::max(largest, plane[static_cast<std::size_t>((image * x.height + r) * x.width + c)]);
      y.plane(channel)[static_cast<std::size_t>(pixel)] = largest;
    }
  return y;
}

float pooled_magnitude(const Probe& x) {
  const std::int64_t size = x.height * x.width;
  double squares = 0;
  for (std::int64_t channel = 0; channel < x.channels; ++channel)
    for (std::int64_t image = 0; image < x.images; ++image) {
      double sum = 0;
      for (std::int64_t i = 0; i < size; ++i) sum += x.plane(channel)[static_cast<std::size_t>(image * size + i)];
      squares += sum / static_cast<double>(size) * (sum / static_cast<double>(size));
    }
  return static_cast<float>(std::sqrt(squares / static_cast<double>(x.channels * x.images)));
}

}  // namespace tessera
