// Makes PNG and JPEG files in memory, of kinds that no library function of ours writes.
#pragma once

#include <cstdio>

#include <jpeglib.h>
#include <png.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "data/image.hpp"

namespace tessera::data_testing {

/// `rows` as they are to be stored: depth 8 or 16 (big-endian), any colour type but palette.
inline std::string png_file(int width, int height, int depth, int colour, const std::vector<std::uint8_t>& bytes,
                            bool interlaced = false, const std::string& exif = {}) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp writer, png_bytep data, png_size_t size) {
        static_cast<std::string*>(png_get_io_ptr(writer))->append(reinterpret_cast<const char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), depth, colour,
               interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_color palette[4] = {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}, {255, 0, 128}};
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 4);
  std::string copy = exif;
  if (!exif.empty())
    png_set_eXIf_1(png, info, static_cast<png_uint_32>(copy.size()), reinterpret_cast<png_bytep>(copy.data()));
  png_write_info(png, info);
  std::vector<std::uint8_t> writable = bytes;
  std::vector<png_bytep> rows;
  for (int y = 0; y < height; ++y)
    rows.push_back(writable.data() + static_cast<std::size_t>(y) * png_get_rowbytes(png, info));
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

inline std::string png_file(const RgbImage& image) {
  return png_file(static_cast<int>(image.width), static_cast<int>(image.height), 8, PNG_COLOR_TYPE_RGB, image.pixels);
}

struct JpegKind {
  int components = 3;
  J_COLOR_SPACE space = JCS_RGB;
  bool progressive = false;
  std::string exif = {};
};

inline std::string jpeg_file(int width, int height, const std::vector<std::uint8_t>& bytes, const JpegKind& kind = {}) {
  jpeg_compress_struct encoder{};
  jpeg_error_mgr errors{};
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &memory, &size);
  encoder.image_width = static_cast<JDIMENSION>(width);
  encoder.image_height = static_cast<JDIMENSION>(height);
  encoder.input_components = kind.components;
  encoder.in_color_space = kind.space;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, 100, TRUE);
  if (kind.progressive) jpeg_simple_progression(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  if (!kind.exif.empty()) {
    const std::string marker = std::string("Exif\0\0", 6) + kind.exif;
    jpeg_write_marker(&encoder, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(marker.data()),
                      static_cast<unsigned>(marker.size()));
  }
  std::vector<std::uint8_t> writable = bytes;
  for (int y = 0; y < height; ++y) {
    JSAMPROW row = writable.data() + static_cast<std::size_t>(y * width * kind.components);
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  std::string file(reinterpret_cast<const char*>(memory), size);
  jpeg_destroy_compress(&encoder);
  std::free(memory);
  return file;
}

/// EXIF data with nothing but an orientation.
inline std::string exif_data(int orientation, bool big_endian) {
  const std::string value(1, static_cast<char>(orientation)), zero(1, '\0');
  if (big_endian)
    return std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01", 18) + zero + value + std::string(6, '\0');
  return std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) + value + zero + std::string(6, '\0');
}

}  // namespace tessera::data_testing
