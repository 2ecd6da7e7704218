// Products of u8 and s8 at the full rate of vpmaddubsw, exactly, whatever the weights: for CPUs without dot products.
//
// Here pixels lie side by side and a weight is what is broadcast: each column of B has a list of its own that says
// which two groups of 4 k are multiplied and added in 16 bits (match.hpp), because the limit of 16 bits is about the
// weights of one column then, not of all columns of a vector. A is interleaved once for all columns: [group][pixel][4].
#pragma once

#include "kernels/simd/ymm.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera {
namespace {

constexpr int pixels_of_vector = 8;

TESSERA_INLINE __m256i load_bytes(const std::byte* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
TESSERA_INLINE void store_bytes(std::byte* to, __m256i bytes) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
}

void interleave_groups(const InterleaveCall& call) {
  const std::int64_t group_bytes = std::int64_t{call.vectors} * 32;
  for (int vector = 0; vector < call.vectors; ++vector) {
    const std::byte* const* const rows = call.rows + vector * pixels_of_vector;
    std::byte* to = call.y + vector * 32;
    for (std::int64_t group = 0; group < call.groups; group += 8, to += 8 * group_bytes) {
      __m256i bytes[pixels_of_vector];
#pragma GCC unroll 8
      for (int i = 0; i < pixels_of_vector; ++i) bytes[i] = load_bytes(rows[i] + call.offset + group * 4);
      transpose_8x8(bytes);
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) store_bytes(to + i * group_bytes, bytes[i]);
    }
  }
}

TESSERA_INLINE __m256i broadcast_group(const std::int8_t* weights) {
  std::int32_t group;
  __builtin_memcpy(&group, weights, sizeof(group));
  return _mm256_set1_epi32(group);
}

/// One column: s32 of Vectors * 8 pixels.
template <int Vectors>
TESSERA_INLINE void sum_column(const std::byte* a, const MatchedGroups* first, const MatchedGroups* last,
                               std::int32_t* sums) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[Vectors];
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) sum[v] = _mm256_setzero_si256();
  for (const MatchedGroups* groups = first; groups != last; ++groups) {
    const std::byte* const a0 = a + std::size_t{groups->group[0]} * (Vectors * 32);
    const std::byte* const a1 = a + std::size_t{groups->group[1]} * (Vectors * 32);
    const __m256i w0 = broadcast_group(groups->weights[0]), w1 = broadcast_group(groups->weights[1]);
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const __m256i words = _mm256_add_epi16(_mm256_maddubs_epi16(load_bytes(a0 + v * 32), w0),
                                             _mm256_maddubs_epi16(load_bytes(a1 + v * 32), w1));
      sum[v] = _mm256_add_epi32(sum[v], _mm256_madd_epi16(words, ones));
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) _mm256_store_si256(reinterpret_cast<__m256i*>(sums + v * 8), sum[v]);
}

/// Columns side by side: eight at a time, whose sums are then turned so that those of a pixel lie together.
template <int Vectors>
void multiply_matched_tile(const MatchedCall& call) {
  alignas(32) std::int32_t sums[8][Vectors * 8];
  for (int column = 0; column < matched_columns; column += 8) {
    for (int i = 0; i < 8; ++i) {
      const std::uint32_t* const starts = call.starts + column + i;
      sum_column<Vectors>(call.a, call.groups + starts[0], call.groups + starts[1], sums[i]);
    }
    for (int v = 0; v < Vectors; ++v) {
      __m256i rows[8];
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) rows[i] = load_bytes(reinterpret_cast<const std::byte*>(&sums[i][v * 8]));
      transpose_8x8(rows);
      std::byte* to = call.sums + (v * pixels_of_vector * matched_columns + column) * 4;
#pragma GCC unroll 8
      for (int i = 0; i < pixels_of_vector; ++i, to += matched_columns * 4)
        store_bytes(to, call.first ? rows[i] : _mm256_add_epi32(load_bytes(to), rows[i]));
    }
  }
}

void multiply_matched(const MatchedCall& call) {
  switch (call.vectors) {
    case 1: return multiply_matched_tile<1>(call);
    case 2: return multiply_matched_tile<2>(call);
    case 3: return multiply_matched_tile<3>(call);
    case 4: return multiply_matched_tile<4>(call);
    case 5: return multiply_matched_tile<5>(call);
    case 6: return multiply_matched_tile<6>(call);
    case 7: return multiply_matched_tile<7>(call);
    default: return multiply_matched_tile<8>(call);
  }
}

constexpr MatchedBytes matched_by_ymm = {interleave_groups, multiply_matched};

}  // namespace
}  // namespace tessera
