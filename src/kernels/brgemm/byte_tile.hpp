// The register tile of u8 x s8 without a dot-product instruction, in 256-bit vectors: two vpmaddubsw whose 16-bit sums
// are added, widened to 32 bits by vpmaddwd with ones and added to the accumulators, for 8 k at a time. Where that
// could overflow (overflow.hpp) 4 k at a time, in one of two ways that cannot. All three give the same sums.
#pragma once

#include "kernels/brgemm/avx2_ops.hpp"
#include "kernels/brgemm/overflow.hpp"
#include "kernels/brgemm/tile.hpp"

namespace tessera {
namespace {

struct ByteOps : IntegerSums {
  static constexpr bool widens = false;
  static constexpr int step_k = 4, steps_per_group = 1, group_bytes = 64;
};

TESSERA_INLINE __m256i load_b(const std::byte* group, int vector) {
  return load256(group + vector * 32);
}

/// In place, so that sums stay where they are.
TESSERA_INLINE void add_to(__m256i& sum, __m256i value) {
  __asm__ volatile("vpaddd %1, %0, %0" : "+v"(sum) : "v"(value));
}

template <int Rows>
struct ByteTile : Tile<ByteOps, Rows> {
  using Tile<ByteOps, Rows>::sum;
  using Tile<ByteOps, Rows>::prefetch;
  static constexpr int group_bytes = ByteOps::group_bytes;

  const std::uint8_t* marks;  ///< of the next group
  std::int64_t mark_step;     ///< from one group's mark to the next: 0 where one stands for all

  [[gnu::always_inline]] void start(const BrgemmBlock& block, const std::byte* first_prefetch) {
    static constexpr std::uint8_t unknown = overflow::anything;
    prefetch = first_prefetch;
    marks = block.overflows == nullptr ? &unknown : block.overflows;
    mark_step = block.overflows == nullptr ? 0 : 1;
  }

  [[gnu::always_inline]] const std::byte* segment(const std::byte* const* a, std::int64_t k, const std::byte* b) {
    std::int64_t offset = 0;
    for (; offset + 4 < k; offset += 8, b += 2 * group_bytes, marks += 2 * mark_step) {
      _mm_prefetch(prefetch, _MM_HINT_T1);
      prefetch += group_bytes / 2;  // four tiles fetch as much as each of them reads
      if (__builtin_expect(*marks & overflow::in_fours, 0)) {
        for (int g = 0; g < 2; ++g) exactly(a, offset + 4 * g, b + g * group_bytes, marks[g * mark_step]);
        continue;
      }
      eight(a, offset, b);
    }
    if (offset >= k) return b;
    exactly(a, offset, b, *marks);
    marks += mark_step;
    return b + group_bytes;
  }

 private:
  [[gnu::always_inline]] void eight(const std::byte* const* a, std::int64_t offset, const std::byte* b) {
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const __m256i a0 = ByteOps::a(a[r] + offset), a1 = ByteOps::a(a[r] + offset + 4);
#pragma GCC unroll 2
      for (int v = 0; v < panel_vectors; ++v) {
        const __m256i words = _mm256_add_epi16(_mm256_maddubs_epi16(a0, load_b(b, v)),
                                               _mm256_maddubs_epi16(a1, load_b(b + group_bytes, v)));
        add_to(sum[r][v], _mm256_madd_epi16(words, ones));
      }
    }
  }

  [[gnu::always_inline]] void exactly(const std::byte* const* a, std::int64_t offset, const std::byte* b, int mark) {
    if ((mark & overflow::in_pairs) != 0)
      widened(a, offset, b);
    else
      pairs(a, offset, b);
  }

  /// For weights with which a sum of two products fits 16 bits.
  [[gnu::always_inline]] void pairs(const std::byte* const* a, std::int64_t offset, const std::byte* b) {
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 2
    for (int v = 0; v < panel_vectors; ++v) {
      const __m256i weights = load_b(b, v);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r)
        add_to(sum[r][v], _mm256_madd_epi16(_mm256_maddubs_epi16(ByteOps::a(a[r] + offset), weights), ones));
    }
  }

  /// For any: even and odd k apart, each widened to 16 bits.
  [[gnu::always_inline]] void widened(const std::byte* const* a, std::int64_t offset, const std::byte* b) {
    const __m256i low = _mm256_set1_epi16(255);
#pragma GCC unroll 2
    for (int v = 0; v < panel_vectors; ++v) {
      const __m256i weights = load_b(b, v);
      const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8);
      const __m256i odd = _mm256_srai_epi16(weights, 8);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const __m256i bytes = ByteOps::a(a[r] + offset);
        add_to(sum[r][v], _mm256_add_epi32(_mm256_madd_epi16(_mm256_and_si256(bytes, low), even),
                                           _mm256_madd_epi16(_mm256_srli_epi16(bytes, 8), odd)));
      }
    }
  }
};

template <int Rows, int fetches>
struct TileOf<ByteOps, Rows, fetches> {
  using type = ByteTile<Rows>;
};

}  // namespace
}  // namespace tessera
