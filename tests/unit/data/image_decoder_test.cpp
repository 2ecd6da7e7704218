#include "data/image_decoder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "data/exif.hpp"
#include "unit/data/image_files.hpp"
#include "unit/data/support.hpp"

namespace tessera {
namespace {

using namespace data_testing;

using Bytes = std::vector<std::uint8_t>;

RgbImage decode(const std::string& file) {
  return decode_image(bytes_of(file), "picture");
}

void expect_pixels(const std::string& file, std::int64_t width, std::int64_t height, const Bytes& pixels) {
  const RgbImage image = decode(file);
  EXPECT_EQ(image.width, width);
  EXPECT_EQ(image.height, height);
  EXPECT_EQ(image.pixels, pixels);
}

int largest_difference(const Bytes& a, const Bytes& b) {
  int largest = a.size() == b.size() ? 0 : 1000;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// Slow gradients, which JPEG keeps within a few steps.
RgbImage gradient(std::int64_t width, std::int64_t height) {
  RgbImage image(width, height);
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      image.row(y)[3 * x] = static_cast<std::uint8_t>(4 * x);
      image.row(y)[3 * x + 1] = static_cast<std::uint8_t>(4 * y);
      image.row(y)[3 * x + 2] = static_cast<std::uint8_t>(2 * (x + y));
    }
  return image;
}

TEST(DataPng, AllKinds) {
  const RgbImage image = noise(13, 7);
  expect_pixels(png_file(image), 13, 7, image.pixels);
  expect_pixels(png_file(13, 7, 8, PNG_COLOR_TYPE_RGB, image.pixels, true), 13, 7, image.pixels);
  expect_pixels(png_file(2, 1, 8, PNG_COLOR_TYPE_GRAY, {5, 200}), 2, 1, {5, 5, 5, 200, 200, 200});
  expect_pixels(png_file(2, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA, {5, 0, 200, 255}), 2, 1, {5, 5, 5, 200, 200, 200});
  expect_pixels(png_file(2, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, {1, 2, 3, 0, 4, 5, 6, 128}), 2, 1, {1, 2, 3, 4, 5, 6});
  expect_pixels(png_file(2, 1, 8, PNG_COLOR_TYPE_PALETTE, {3, 0}), 2, 1, {255, 0, 128, 10, 20, 30});
  expect_pixels(png_file(4, 1, 2, PNG_COLOR_TYPE_PALETTE, {0b11'10'01'00}), 4, 1,
                {255, 0, 128, 70, 80, 90, 40, 50, 60, 10, 20, 30});
  expect_pixels(png_file(8, 1, 1, PNG_COLOR_TYPE_GRAY, {0b10000001}), 8, 1,
                {255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255});
  // 16 bits are rounded: 0x7f80 is 127.5 of 255.99.
  expect_pixels(png_file(1, 1, 16, PNG_COLOR_TYPE_RGB, {0x00, 0x7f, 0x80, 0x80, 0xff, 0xff}), 1, 1, {0, 128, 255});
}

TEST(DataJpeg, AllKinds) {
  const RgbImage image = gradient(40, 24);
  constexpr int close = 6;  // quality 100 with colours at half resolution: a step is at most 4 between neighbours
  for (const bool progressive : {false, true}) {
    const RgbImage decoded = decode(jpeg_file(40, 24, image.pixels, {3, JCS_RGB, progressive}));
    EXPECT_EQ(decoded.width, 40);
    EXPECT_EQ(decoded.height, 24);
    EXPECT_LE(largest_difference(decoded.pixels, image.pixels), close);
  }
  const RgbImage grey = decode(jpeg_file(8, 8, Bytes(64, 77), {1, JCS_GRAYSCALE}));
  EXPECT_EQ(grey.pixels, Bytes(192, 77));
}

TEST(DataJpeg, InkBecomesLight) {
  // libjpeg marks CMYK files as Adobe's, so the amounts are stored inverted: 255 is no ink.
  Bytes cmyk;
  for (int i = 0; i < 64; ++i) cmyk.insert(cmyk.end(), {255, 128, 0, 204});
  const RgbImage image = decode(jpeg_file(8, 8, cmyk, {4, JCS_CMYK}));
  Bytes wanted;
  for (int i = 0; i < 64; ++i) wanted.insert(wanted.end(), {204, 102, 0});
  EXPECT_LE(largest_difference(image.pixels, wanted), 1);
}

TEST(DataExif, EveryOrientation) {
  // The picture is 2 x 3: "ab", "cd", "ef". What is stored, by orientation, so that it is shown as that:
  struct Case {
    int orientation;
    std::int64_t width, height;
    std::string stored;
  };
  const Case cases[] = {{1, 2, 3, "abcdef"}, {2, 2, 3, "badcfe"}, {3, 2, 3, "fedcba"}, {4, 2, 3, "efcdab"},
                        {5, 3, 2, "acebdf"}, {6, 3, 2, "bdface"}, {7, 3, 2, "fdbeca"}, {8, 3, 2, "ecafdb"}};
  for (const Case& wanted : cases) {
    Bytes stored;
    for (const char c : wanted.stored) stored.insert(stored.end(), 3, static_cast<std::uint8_t>(c));
    for (const bool big_endian : {false, true}) {
      const std::string exif = exif_data(wanted.orientation, big_endian);
      EXPECT_EQ(exif_orientation(bytes_of(exif)), wanted.orientation);
      const RgbImage image = decode(png_file(static_cast<int>(wanted.width), static_cast<int>(wanted.height), 8,
                                             PNG_COLOR_TYPE_RGB, stored, false, exif));
      ASSERT_EQ(image.width, 2) << wanted.orientation;
      std::string shown;
      for (std::size_t i = 0; i < image.pixels.size(); i += 3) shown += static_cast<char>(image.pixels[i]);
      EXPECT_EQ(shown, "abcdef") << wanted.orientation;
    }
  }
  const RgbImage turned = decode(jpeg_file(40, 24, gradient(40, 24).pixels, {3, JCS_RGB, false, exif_data(6, true)}));
  EXPECT_EQ(turned.width, 24);
  EXPECT_EQ(turned.height, 40);
}

TEST(DataExif, NonsenseIsUpright) {
  for (const bool big_endian : {false, true}) {
    const std::string exif = exif_data(6, big_endian);
    for (std::size_t length = 0; length < exif.size(); ++length)
      EXPECT_LE(exif_orientation(bytes_of(exif.substr(0, length))), 8);
    EXPECT_EQ(exif_orientation(bytes_of(exif.substr(0, 12))), 1);
    EXPECT_EQ(exif_orientation(bytes_of(exif_data(9, big_endian))), 1);
    EXPECT_EQ(exif_orientation(bytes_of(exif_data(0, big_endian))), 1);
  }
}

TEST(DataImage, DamageIsNamed) {
  const std::string png = png_file(noise(40, 40));
  const RgbImage noisy = noise(64, 64);
  for (const bool progressive : {false, true}) {
    const std::string jpeg = jpeg_file(64, 64, noisy.pixels, {3, JCS_RGB, progressive});
    for (const std::size_t length : {jpeg.size() / 8, jpeg.size() / 2, jpeg.size() * 9 / 10})
      expect_error(ErrorKind::invalid, {"picture", "JPEG", "cut short"}, [&] { decode(jpeg.substr(0, length)); });
  }
  for (const std::size_t length : {std::size_t{20}, png.size() / 2, png.size() - 20})
    expect_error(ErrorKind::invalid, {"picture", "PNG", "cut short"}, [&] { decode(png.substr(0, length)); });

  std::string flipped = png;
  flipped[png.size() / 2] = static_cast<char>(flipped[png.size() / 2] ^ 0x55);
  expect_error(ErrorKind::invalid, {"picture", "damaged"}, [&] { decode(flipped); });
  std::string no_tables = jpeg_file(8, 8, Bytes(192, 50));
  no_tables.erase(2, no_tables.find("\xff\xc0", 2) - 2);  // from the start to the frame: the quantization tables
  expect_error(ErrorKind::invalid, {"picture", "damaged"}, [&] { decode(no_tables); });

  expect_error(ErrorKind::invalid, {"picture", "empty"}, [] { decode(""); });
  expect_error(ErrorKind::invalid, {"picture", "neither PNG nor JPEG"}, [] { decode("GIF89a........"); });
}

TEST(DataImage, BombsAreRefusedBeforeMemoryIsTaken) {
  // The header says 50000 x 50000; libpng checks its sum, so it is computed by writing such a header.
  std::string png = png_file(1, 1, 8, PNG_COLOR_TYPE_RGB, {1, 2, 3});
  const auto set_size = [&png](std::uint32_t width, std::uint32_t height) {
    for (std::size_t i = 0; i < 4; ++i) {
      png[16 + i] = static_cast<char>(width >> (24 - 8 * i));
      png[20 + i] = static_cast<char>(height >> (24 - 8 * i));
    }
    std::uint32_t sum = ~0U;
    for (std::size_t i = 12; i < 29; ++i) {
      sum ^= static_cast<unsigned char>(png[i]);
      for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? 0xedb88320U : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) png[29 + i] = static_cast<char>(~sum >> (24 - 8 * i));
  };
  set_size(50000, 50000);
  expect_error(ErrorKind::invalid, {"picture", "50000 x 50000", "limit"}, [&] { decode(png); });
  // One line of that would be 6 GB to libpng: its size is looked at before libpng makes room for it.
  set_size(2147483647, 1);
  expect_error(ErrorKind::invalid, {"picture", "2147483647 x 1", "limit"}, [&] { decode(png); });
  set_size(9000, 9000);  // below the limit, but not from this many bytes
  expect_error(ErrorKind::invalid, {"picture", "cut short"}, [&] { decode(png); });

  std::string jpeg = jpeg_file(8, 8, Bytes(192, 50));
  const std::size_t frame = jpeg.find("\xff\xc0");
  jpeg.replace(frame + 5, 4, "\xff\xdc\xff\xdc");  // height, width: 65500
  expect_error(ErrorKind::invalid, {"picture", "65500 x 65500", "limit"}, [&] { decode(jpeg); });
}

}  // namespace
}  // namespace tessera
