// What the tests of data sets share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/image.hpp"
#include "data/open_dataset.hpp"
#include "unit/formats/support.hpp"
#include "unit/support/test_data.hpp"

namespace tessera::data_testing {

using formats_testing::expect_error;
using formats_testing::read_bytes;
using formats_testing::TemporaryFolder;
using formats_testing::write_bytes;

inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// Pixels that look random and are the same everywhere.
inline RgbImage noise(std::int64_t width, std::int64_t height) {
  RgbImage image(width, height);
  std::uint32_t state = 1;
  for (std::uint8_t& value : image.pixels) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24U);
  }
  return image;
}

/// FNV-1a.
inline std::uint64_t hash_of(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t hash = 14695981039346656037U;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 1099511628211U;
  return hash;
}

inline std::vector<TensorInfo> image_inputs(const std::string& side = "8", const std::string& channels = "3") {
  return {{"input", DataType::f32, {"batch", channels, side, side}}};
}

inline std::vector<TensorInfo> text_inputs(const std::string& sequence = "sequence") {
  return {{"input_ids", DataType::i64, {"batch", sequence}},
          {"attention_mask", DataType::i64, {"batch", sequence}},
          {"token_type_ids", DataType::i64, {"batch", sequence}}};
}

}  // namespace tessera::data_testing
