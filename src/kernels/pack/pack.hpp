// Activations as B panels of the matrix product (kernels/brgemm/brgemm.hpp): [k / k_group][nr][k_group], zero padded. A
// panel is handled in 32-bit words: one f32, a pair of bf16 or s16, four s8. Rows of 16 words are copied or interleaved
// where n is contiguous in the source (the values of attention), squares of words turned where k is (the keys). nr is a
// multiple of 16.
#pragma once

#include "kernels/simd/rows.hpp"
#include "kernels/simd/tile.hpp"

namespace tessera {
namespace {

TESSERA_INLINE int element_bytes(const PackCall& call) {
  return call.type == DataType::f32 ? 4 : call.type == DataType::bf16 ? 2 : 1;
}

/// One element as the panel holds it, in the lower bits.
TESSERA_INLINE std::uint32_t pack_element(const PackCall& call, std::int64_t k, std::int64_t n) {
  if (k >= call.k) return 0;
  const std::byte* const p = call.data + k * call.k_stride + n * call.n_stride;
  if (call.type == DataType::u8) {
    const auto centred = static_cast<std::uint32_t>(static_cast<int>(*p) - 128);
    return call.k_group == 2 ? centred & 0xffffU : centred & 0xffU;
  }
  __m128i bits = _mm_setzero_si128();
  __builtin_memcpy(&bits, p, static_cast<std::size_t>(element_bytes(call)));
  if (call.k_group == 1 && call.type == DataType::bf16) bits = _mm_slli_epi32(bits, 16);
  if (call.k_group == 2 && call.type == DataType::f32)
    bits = _mm256_castsi256_si128(f32_to_bf16(set1(_mm_cvtss_f32(_mm_castsi128_ps(bits)))));
  const auto word = static_cast<std::uint32_t>(_mm_cvtsi128_si32(bits));
  return call.k_group == 2 ? word & 0xffffU : word;
}

/// 16 of u8 as s8 around 128, zeros beyond `count`, which may be zero or negative.
TESSERA_INLINE __m128i run_as_s8(const std::byte* p, std::int64_t count) {
  const __m128i half = _mm_set1_epi8(-128);
  if (count >= 16) return _mm_xor_si128(load_16x8(p), half);
  if (count <= 0) return _mm_setzero_si128();
  const __m128i place = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m128i inside = _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(count)), place);
  return _mm_and_si128(_mm_xor_si128(load_16x8_partial(p, static_cast<int>(count)), half), inside);
}
/// 16 words of 16 bits, bf16 or s16, from a run of the source's type, zeros beyond `count`; count may be zero or
/// negative.
TESSERA_INLINE __m256i run_as_halves(const PackCall& call, const std::byte* p, std::int64_t count) {
  if (call.type == DataType::u8) return _mm256_cvtepi8_epi16(run_as_s8(p, count));
  if (count <= 0) return _mm256_setzero_si256();
  const int n = count < 16 ? static_cast<int>(count) : 16;
  if (call.type == DataType::f32) return f32_to_bf16(n == 16 ? load_f32(p) : load_f32_partial(p, n));
  return n == 16 ? load_16x16(p) : load_16x16_partial(p, n);
}
TESSERA_INLINE F32x16 run_as_f32(const PackCall& call, const std::byte* p, std::int64_t count) {
  if (count <= 0) return zero();
  const int n = count < 16 ? static_cast<int>(count) : 16;
  if (call.type == DataType::f32) return n == 16 ? load_f32(p) : load_f32_partial(p, n);
  return bf16_to_f32(n == 16 ? load_16x16(p) : load_16x16_partial(p, n));
}

/// Four rows of 16 bytes become 16 words.
TESSERA_INLINE void pack_bytes(const PackCall& call, const std::byte* p, std::int64_t k, std::int64_t columns,
                               std::byte* words) {
  __m128i row[4];
  for (int i = 0; i < 4; ++i) row[i] = k + i < call.k ? run_as_s8(p + i * call.k_stride, columns) : _mm_setzero_si128();
  const __m128i low = _mm_unpacklo_epi8(row[0], row[1]), high = _mm_unpackhi_epi8(row[0], row[1]);
  const __m128i low2 = _mm_unpacklo_epi8(row[2], row[3]), high2 = _mm_unpackhi_epi8(row[2], row[3]);
  store_16x8(words, _mm_unpacklo_epi16(low, low2));
  store_16x8(words + 16, _mm_unpackhi_epi16(low, low2));
  store_16x8(words + 32, _mm_unpacklo_epi16(high, high2));
  store_16x8(words + 48, _mm_unpackhi_epi16(high, high2));
}

/// Words k .. k + k_group - 1 of columns n .. n + 15, n contiguous in the source.
TESSERA_INLINE void pack_row(const PackCall& call, std::int64_t k, std::int64_t n, std::byte* words) {
  const std::byte* const p = call.data + k * call.k_stride + n * call.n_stride;
  if (call.k_group == 1) return store_f32(words, run_as_f32(call, p, call.n - n));
  if (call.k_group == 4) return pack_bytes(call, p, k, call.n - n, words);
  const __m256i even = run_as_halves(call, p, call.n - n);
  const __m256i odd = k + 1 < call.k ? run_as_halves(call, p + call.k_stride, call.n - n) : _mm256_setzero_si256();
  const __m256i low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);
  store_16x16(words, _mm256_permute2x128_si256(low, high, 0x20));
  store_16x16(words + 32, _mm256_permute2x128_si256(low, high, 0x31));
}

/// 16 words of column n from k on.
TESSERA_INLINE void pack_column(const PackCall& call, std::int64_t k, std::int64_t n, std::uint32_t* words) {
  if (n >= call.n) return store_f32(words, zero());
  const int bits = 32 / call.k_group;
  if (call.k_stride != element_bytes(call)) {
    for (int i = 0; i < 16; ++i) {
      words[i] = 0;
      for (int part = 0; part < call.k_group; ++part)
        words[i] |= pack_element(call, k + i * call.k_group + part, n) << (part * bits % 32);
    }
    return;
  }
  const std::byte* const p = call.data + k * call.k_stride + n * call.n_stride;
  if (call.k_group == 1) return store_f32(words, run_as_f32(call, p, call.k - k));
  if (call.k_group == 4) {
    for (int i = 0; i < 4; ++i) store_16x8(words + 4 * i, run_as_s8(p + 16 * i, call.k - k - 16 * i));
    return;
  }
  store_16x16(words, run_as_halves(call, p, call.k - k));
  store_16x16(words + 8, run_as_halves(call, p + 16 * element_bytes(call), call.k - k - 16));
}

/// Eight words of a column that lie in the source as the panel wants them, up to the halves' zero point.
template <DataType type, int k_group>
TESSERA_INLINE __m256i eight_words(const std::byte* p) {
  if constexpr (type != DataType::u8) return load_16x16(p);
  if constexpr (k_group == 4) return _mm256_xor_si256(load_16x16(p), _mm256_set1_epi8(-128));
  return _mm256_sub_epi16(_mm256_cvtepu8_epi16(load_16x8(p)), _mm256_set1_epi16(128));
}

/// 16 columns from n on, k contiguous: squares of eight words, without a way through memory. Returns the groups done.
template <DataType type, int k_group>
TESSERA_INLINE std::int64_t turn_columns(const PackCall& call, std::int64_t n, std::byte* words) {
  constexpr int source_bytes = type == DataType::f32 ? 4 : type == DataType::bf16 ? 2 : 1;
  const std::int64_t whole = call.k / (8 * k_group) * 8, row_bytes = 4 * static_cast<std::int64_t>(call.nr);
  for (std::int64_t g = 0; g < whole; g += 8) {
    for (int half = 0; half < 2; ++half) {
      const std::byte* const p = call.data + g * k_group * source_bytes + (n + 8 * half) * call.n_stride;
      __m256i rows[8];
      for (int i = 0; i < 8; ++i) rows[i] = eight_words<type, k_group>(p + i * call.n_stride);
      transpose_8x8(rows);
      for (int i = 0; i < 8; ++i) store_16x16(words + (g + i) * row_bytes + 32 * half, rows[i]);
    }
  }
  return whole;
}
TESSERA_INLINE std::int64_t turn_whole_squares(const PackCall& call, std::int64_t n, std::byte* words) {
  if (call.k_stride != element_bytes(call) || n + 16 > call.n) return 0;
  if (call.type == DataType::f32 && call.k_group == 1) return turn_columns<DataType::f32, 1>(call, n, words);
  if (call.type == DataType::bf16 && call.k_group == 2) return turn_columns<DataType::bf16, 2>(call, n, words);
  if (call.type == DataType::u8 && call.k_group == 2) return turn_columns<DataType::u8, 2>(call, n, words);
  if (call.type == DataType::u8 && call.k_group == 4) return turn_columns<DataType::u8, 4>(call, n, words);
  return 0;
}

/// Columns n .. n + 15 of a panel whose words begin at `words`.
TESSERA_INLINE void pack_columns(const PackCall& call, std::int64_t n, std::byte* words) {
  const std::int64_t groups = (call.k + call.k_group - 1) / call.k_group;
  const std::int64_t row_bytes = 4 * static_cast<std::int64_t>(call.nr);
  for (std::int64_t g = turn_whole_squares(call, n, words); g < groups; g += 16) {
    Tile16 by_column, by_row;
    for (int i = 0; i < 16; ++i) pack_column(call, g * call.k_group, n + i, by_column.word[i]);
    transpose(by_column, by_row);
    for (int i = 0; i < 16 && g + i < groups; ++i) store_f32(words + (g + i) * row_bytes, load_f32(by_row.word[i]));
  }
}

void pack(const PackCall& call) {
  const std::int64_t groups = (call.k + call.k_group - 1) / call.k_group;
  const std::int64_t row_bytes = 4 * static_cast<std::int64_t>(call.nr), panel_bytes = groups * row_bytes;
  if (call.n_stride == element_bytes(call)) {
    // Row by row: their places in the source may be pages apart.
    for (std::int64_t g = 0; g < groups; ++g)
      for (std::int64_t panel = call.first_panel; panel < call.last_panel; ++panel)
        for (int j = 0; j < call.nr; j += 16)
          pack_row(call, g * call.k_group, panel * call.nr + j,
                   call.target + panel * panel_bytes + g * row_bytes + 4 * j);
    return;
  }
  for (std::int64_t panel = call.first_panel; panel < call.last_panel; ++panel)
    for (int j = 0; j < call.nr; j += 16)
      pack_columns(call, panel * call.nr + j, call.target + panel * panel_bytes + 4 * j);
}

}  // namespace
}  // namespace tessera
