// Activations as B panels of the matrix product (kernels/brgemm/brgemm.hpp): [k / k_group][nr][k_group], zero padded. A
// panel is handled in 32-bit words, one f32 or a pair of bf16: rows of 16 words copied where n is contiguous in the
// source (the values of attention), squares of 16 x 16 words turned where k is (the keys). nr is a multiple of 16.
#pragma once

#include "kernels/simd/rows.hpp"
#include "kernels/simd/tile.hpp"

namespace tessera {
namespace {

TESSERA_INLINE int element_bytes(const PackCall& call) {
  return call.type == DataType::f32 ? 4 : 2;
}

/// One element as f32, or as bf16 in the lower half.
TESSERA_INLINE std::uint32_t pack_element(const PackCall& call, std::int64_t k, std::int64_t n) {
  if (k >= call.k) return 0;
  const std::byte* const p = call.data + k * call.k_stride + n * call.n_stride;
  __m128i bits = _mm_setzero_si128();
  __builtin_memcpy(&bits, p, static_cast<std::size_t>(element_bytes(call)));
  if (call.k_group == 1 && call.type == DataType::bf16) bits = _mm_slli_epi32(bits, 16);
  if (call.k_group == 2 && call.type == DataType::f32)
    bits = _mm256_castsi256_si128(f32_to_bf16(set1(_mm_cvtss_f32(_mm_castsi128_ps(bits)))));
  const auto word = static_cast<std::uint32_t>(_mm_cvtsi128_si32(bits));
  return call.k_group == 2 ? word & 0xffffU : word;
}

/// 16 bf16 from a run of the source's type, zeros beyond `count`; count may be zero or negative.
TESSERA_INLINE __m256i run_as_bf16(const PackCall& call, const std::byte* p, std::int64_t count) {
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

/// Words k .. k + k_group - 1 of columns n .. n + 15, n contiguous in the source.
TESSERA_INLINE void pack_row(const PackCall& call, std::int64_t k, std::int64_t n, std::byte* words) {
  const std::byte* const p = call.data + k * call.k_stride + n * call.n_stride;
  if (call.k_group == 1) return store_f32(words, run_as_f32(call, p, call.n - n));
  const __m256i even = run_as_bf16(call, p, call.n - n);
  const __m256i odd = k + 1 < call.k ? run_as_bf16(call, p + call.k_stride, call.n - n) : _mm256_setzero_si256();
  const __m256i low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);
  store_16x16(words, _mm256_permute2x128_si256(low, high, 0x20));
  store_16x16(words + 32, _mm256_permute2x128_si256(low, high, 0x31));
}

/// 16 words of column n from k on.
TESSERA_INLINE void pack_column(const PackCall& call, std::int64_t k, std::int64_t n, std::uint32_t* words) {
  if (n >= call.n) return store_f32(words, zero());
  if (call.k_stride != element_bytes(call)) {
    for (int i = 0; i < 16; ++i) {
      words[i] = pack_element(call, k + i * call.k_group, n);
      if (call.k_group == 2) words[i] |= pack_element(call, k + 2 * i + 1, n) << 16;
    }
    return;
  }
  const std::byte* const p = call.data + k * call.k_stride + n * call.n_stride;
  if (call.k_group == 1) return store_f32(words, run_as_f32(call, p, call.k - k));
  store_16x16(words, run_as_bf16(call, p, call.k - k));
  store_16x16(words + 8, run_as_bf16(call, p + 16 * element_bytes(call), call.k - k - 16));
}

TESSERA_INLINE void pack_panel(const PackCall& call, std::int64_t n0, std::byte* panel) {
  const std::int64_t groups = (call.k + call.k_group - 1) / call.k_group;
  const std::int64_t row_bytes = 4 * static_cast<std::int64_t>(call.nr);
  if (call.n_stride == element_bytes(call)) {
    for (std::int64_t g = 0; g < groups; ++g)
      for (int j = 0; j < call.nr; j += 16) pack_row(call, g * call.k_group, n0 + j, panel + g * row_bytes + 4 * j);
    return;
  }
  for (std::int64_t g = 0; g < groups; g += 16) {
    for (int j = 0; j < call.nr; j += 16) {
      Tile16 by_column, by_row;
      for (int i = 0; i < 16; ++i) pack_column(call, g * call.k_group, n0 + j + i, by_column.word[i]);
      transpose(by_column, by_row);
      for (int i = 0; i < 16 && g + i < groups; ++i)
        store_f32(panel + (g + i) * row_bytes + 4 * j, load_f32(by_row.word[i]));
    }
  }
}

void pack(const PackCall& call) {
  const std::int64_t groups = (call.k + call.k_group - 1) / call.k_group;
  for (std::int64_t panel = call.first_panel; panel < call.last_panel; ++panel)
    pack_panel(call, panel * call.nr, call.target + panel * groups * call.nr * 4);
}

}  // namespace
}  // namespace tessera
