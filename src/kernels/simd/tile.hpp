// Tile16: a 16 x 16 square of 32-bit words on its way between layouts.
#pragma once

#include "kernels/simd/ymm.hpp"

namespace tessera {
namespace {

struct alignas(64) Tile16 {
  std::uint32_t word[16][16];
};

/// Extent of the next square when n rows or columns are left.
TESSERA_INLINE int at_most_16(std::int64_t n) {
  return n < 16 ? static_cast<int>(n) : 16;
}

TESSERA_INLINE void transpose(const Tile16& from, Tile16& to) {
  for (int r = 0; r < 16; r += 8) {
    for (int c = 0; c < 16; c += 8) {
      __m256i rows[8];
      for (int i = 0; i < 8; ++i) rows[i] = _mm256_load_si256(reinterpret_cast<const __m256i*>(&from.word[r + i][c]));
      transpose_8x8(rows);
      for (int i = 0; i < 8; ++i) _mm256_store_si256(reinterpret_cast<__m256i*>(&to.word[c + i][r]), rows[i]);
    }
  }
}

}  // namespace
}  // namespace tessera
