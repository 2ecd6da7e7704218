#include "data/image_decoder.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "cpu/memory_limit.hpp"

namespace tessera {
namespace {

constexpr std::array<unsigned char, 8> png_signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::array<unsigned char, 3> jpeg_signature = {0xff, 0xd8, 0xff};

template <std::size_t n>
bool starts_with(std::span<const std::byte> bytes, const std::array<unsigned char, n>& signature) {
  return bytes.size() >= n && std::equal(signature.begin(), signature.end(), bytes.begin(),
                                         [](unsigned char a, std::byte b) { return std::byte{a} == b; });
}

}  // namespace

std::optional<ImageFormat> image_format_of(std::span<const std::byte> head) noexcept {
  if (starts_with(head, png_signature)) return ImageFormat::png;
  if (starts_with(head, jpeg_signature)) return ImageFormat::jpeg;
  return std::nullopt;
}

void require_decodable(std::int64_t width, std::int64_t height, const std::string& origin) {
  if (width < 1 || height < 1) reject(origin, "has no pixels", "remove it or copy it again");
  if (width > max_pixels / height)
    reject(origin,
           "has " + std::to_string(width) + " x " + std::to_string(height) + " pixels, more than the limit of " +
               std::to_string(max_pixels / 1'000'000) + " million",
           "make the image smaller");
  // As decoded, and a copy that is turned, cut or resized.
  constexpr std::int64_t channels = 3, copies = 2;
  require_memory(static_cast<std::uint64_t>(width * height * channels * copies), origin);
}

RgbImage decode_image(std::span<const std::byte> file, const std::string& origin) {
  if (file.empty()) reject(origin, "the file is empty", "remove it or copy it again");
  const std::optional<ImageFormat> format = image_format_of(file);
  if (!format) reject(origin, "is neither PNG nor JPEG", "convert the image or remove it");
  return *format == ImageFormat::png ? decode_png(file, origin) : decode_jpeg(file, origin);
}

}  // namespace tessera
