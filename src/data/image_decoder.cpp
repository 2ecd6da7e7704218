#include "data/image_decoder.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"

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

RgbImage decode_image(std::span<const std::byte> file, const std::string& origin) {
  if (file.empty()) reject(origin, "the file is empty", "remove it or copy it again");
  const std::optional<ImageFormat> format = image_format_of(file);
  if (!format) reject(origin, "is neither PNG nor JPEG", "convert the image or remove it");
  return *format == ImageFormat::png ? decode_png(file, origin) : decode_jpeg(file, origin);
}

}  // namespace tessera
