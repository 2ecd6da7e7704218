#include <emmintrin.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "core/elements.hpp"
#include "core/error.hpp"
#include "core/memory.hpp"
#include "kernels/brgemm/brgemm.hpp"

namespace tessera {
namespace {

std::int64_t padded_k(const BrgemmKernel& kernel, std::int64_t k) {
  const std::int64_t group = kernel.k_group;
  return (k + group - 1) / group * group;
}

/// Where a part of a segment goes: from a group border on, in one panel.
template <typename Target>
struct Place {
  Target* target;
  int nr;
};

/// Any strides; the definition that the others follow.
template <typename Source, typename Target, int group>
void pack_elements(const BMatrix& source, std::int64_t k0, std::int64_t k, std::int64_t n0, std::int64_t columns,
                   const Place<Target>& place) {
  constexpr auto size = static_cast<std::int64_t>(sizeof(Source));
  const std::byte* column = source.data + (k0 * source.k_stride + n0 * source.n_stride) * size;
  for (std::int64_t n = 0; n < columns; ++n, column += source.n_stride * size)
    for (std::int64_t i = 0; i < k; ++i)
      place.target[i / group * group * place.nr + n * group + i % group] =
          static_cast<Target>(element<Source>(column + i * source.k_stride * size));
}

/// Four groups of a column, 16 bytes of the panel, from contiguous elements.
template <typename Source, typename Target>
__m128i four_groups(const std::byte* p) {
  constexpr std::size_t count = sizeof(__m128i) / sizeof(Target);
  Target elements[count];
  for (std::size_t i = 0; i < count; ++i) elements[i] = static_cast<Target>(element<Source>(p + i * sizeof(Source)));
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(elements));
}

/// Four columns of four groups each: a square of 32-bit words, turned. Plain SSE2, which every x86-64 has.
template <typename Source, typename Target>
void turn_square(const std::byte* p, std::int64_t column_bytes, std::byte* to, std::int64_t row_bytes) {
  const __m128i a = four_groups<Source, Target>(p), b = four_groups<Source, Target>(p + column_bytes);
  const __m128i c = four_groups<Source, Target>(p + 2 * column_bytes);
  const __m128i d = four_groups<Source, Target>(p + 3 * column_bytes);
  const __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
  const __m128i ab2 = _mm_unpackhi_epi32(a, b), cd2 = _mm_unpackhi_epi32(c, d);
  const auto store = [&](int row, __m128i words) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + row * row_bytes), words);
  };
  store(0, _mm_unpacklo_epi64(ab, cd));
  store(1, _mm_unpackhi_epi64(ab, cd));
  store(2, _mm_unpacklo_epi64(ab2, cd2));
  store(3, _mm_unpackhi_epi64(ab2, cd2));
}

/// k contiguous: squares, and what is left of them at two edges.
template <typename Source, typename Target, int group>
void pack_columns(const BMatrix& source, std::int64_t k0, std::int64_t k, std::int64_t n0, std::int64_t columns,
                  const Place<Target>& place) {
  constexpr std::int64_t square_k = 4 * group;
  const std::int64_t column_bytes = source.n_stride * static_cast<std::int64_t>(sizeof(Source));
  const std::int64_t turned_k = k / square_k * square_k, turned_columns = columns / 4 * 4;
  const std::byte* p = source.data + (k0 + n0 * source.n_stride) * static_cast<std::int64_t>(sizeof(Source));
  for (std::int64_t n = 0; n < turned_columns; n += 4, p += 4 * column_bytes)
    for (std::int64_t i = 0; i < turned_k; i += square_k)
      turn_square<Source, Target>(p + i * static_cast<std::int64_t>(sizeof(Source)), column_bytes,
                                  reinterpret_cast<std::byte*>(place.target + i * place.nr + n * group),
                                  place.nr * static_cast<std::int64_t>(sizeof(Target)) * group);
  pack_elements<Source, Target, group>(source, k0, turned_k, n0 + turned_columns, columns - turned_columns,
                                       {place.target + turned_columns * group, place.nr});
  pack_elements<Source, Target, group>(source, k0 + turned_k, k - turned_k, n0, columns,
                                       {place.target + turned_k * place.nr, place.nr});
}

/// n contiguous: the rows of a group side by side.
template <typename Source, typename Target, int group>
void pack_rows(const BMatrix& source, std::int64_t k0, std::int64_t k, std::int64_t n0, std::int64_t columns,
               const Place<Target>& place) {
  const std::int64_t row_bytes = source.k_stride * static_cast<std::int64_t>(sizeof(Source));
  const std::int64_t whole = k / group * group;
  const std::byte* p = source.data + k0 * row_bytes + n0 * static_cast<std::int64_t>(sizeof(Source));
  Target* __restrict out = place.target;
  for (std::int64_t i = 0; i < whole; i += group, p += group * row_bytes, out += place.nr * group)
    for (std::int64_t n = 0; n < columns; ++n)
      for (int row = 0; row < group; ++row)
        out[n * group + row] =
            static_cast<Target>(element<Source>(p + row * row_bytes + n * static_cast<std::int64_t>(sizeof(Source))));
  pack_elements<Source, Target, group>(source, k0 + whole, k - whole, n0, columns, {out, place.nr});
}

/// A part of a segment goes to one panel by the way that suits the strides.
template <typename Source, typename Target, int group>
void pack_part(const BMatrix& source, std::int64_t k0, std::int64_t k, std::int64_t n0, std::int64_t columns,
               const Place<Target>& place) {
  if constexpr (group * sizeof(Target) == sizeof(std::uint32_t)) {
    if (source.k_stride == 1) return pack_columns<Source, Target, group>(source, k0, k, n0, columns, place);
  }
  if (source.n_stride == 1) return pack_rows<Source, Target, group>(source, k0, k, n0, columns, place);
  pack_elements<Source, Target, group>(source, k0, k, n0, columns, place);
}

template <typename Source, typename Target, int group>
void pack(const BrgemmKernel& kernel, const BMatrix& source, std::span<const std::int64_t> segment_k,
          std::byte* target) {
  // What is handled at a time: one cache line of each column, so that every line of the source is read once even where
  // columns lie a power of two apart; or rows that stay in a cache while they go to one panel after the other.
  constexpr std::int64_t line = 64 / sizeof(Source), rows = 32;
  static_assert(line % (4 * group) == 0 && rows % group == 0);
  const bool by_rows = source.n_stride == 1 && source.k_stride != 1;
  const std::size_t panel_bytes = packed_panel_bytes(kernel, segment_k);
  const std::int64_t panels = (source.n + kernel.nr - 1) / kernel.nr;
  // Zeros beyond the last column, if only some of the last panel are there.
  if (source.n % kernel.nr != 0)
    std::memset(target + static_cast<std::size_t>(panels - 1) * panel_bytes, 0, panel_bytes);
  const auto pack_block = [&](std::int64_t panel, std::int64_t place, std::int64_t k0, std::int64_t k) {
    const std::int64_t n0 = panel * kernel.nr, columns = std::min<std::int64_t>(kernel.nr, source.n - n0);
    auto* const out = reinterpret_cast<Target*>(target + static_cast<std::size_t>(panel) * panel_bytes);
    Target* const first = out + place * kernel.nr;
    // The last group is padded; its real elements are written over the zeros.
    if (k % group != 0) std::fill_n(first + k / group * group * kernel.nr, group * kernel.nr, Target{});
    pack_part<Source, Target, group>(source, k0, k, n0, columns, {first, kernel.nr});
  };
  const std::int64_t at_once = by_rows ? panels : 1, block = by_rows ? rows : line;
  for (std::int64_t panel = 0; panel < panels; panel += at_once) {
    std::int64_t k0 = 0, place = 0;  // in the source, and in the panel, where segments are padded
    for (const std::int64_t k : segment_k) {
      for (std::int64_t done = 0; done < k; done += block)
        for (std::int64_t p = panel; p < panel + at_once; ++p)
          pack_block(p, place + done, k0 + done, std::min(block, k - done));
      place += padded_k(kernel, k);
      k0 += k;
    }
  }
}

template <typename Source, typename Target>
void pack_any_group(const BrgemmKernel& kernel, const BMatrix& source, std::span<const std::int64_t> segment_k,
                    std::byte* target) {
  switch (kernel.k_group) {
    case 1: return pack<Source, Target, 1>(kernel, source, segment_k, target);
    case 2: return pack<Source, Target, 2>(kernel, source, segment_k, target);
    case 4: return pack<Source, Target, 4>(kernel, source, segment_k, target);
    default: reject(kernel.name, "no packing for k_group " + std::to_string(kernel.k_group));
  }
}

}  // namespace

std::size_t packed_k_bytes(const BrgemmKernel& kernel, std::int64_t k) {
  return static_cast<std::size_t>(k * kernel.nr) * size_of(kernel.b);
}

std::size_t packed_panel_bytes(const BrgemmKernel& kernel, std::span<const std::int64_t> segment_k) {
  std::int64_t total = 0;
  for (const std::int64_t k : segment_k) total += padded_k(kernel, k);
  return packed_k_bytes(kernel, total);
}

std::size_t packed_b_bytes(const BrgemmKernel& kernel, std::span<const std::int64_t> segment_k, std::int64_t n) {
  return packed_panel_bytes(kernel, segment_k) * static_cast<std::size_t>((n + kernel.nr - 1) / kernel.nr);
}

void pack_b(const BrgemmKernel& kernel, const BMatrix& source, std::span<const std::int64_t> segment_k,
            std::byte* target) {
  if (source.type == DataType::f32 && kernel.b == DataType::f32)
    return pack_any_group<float, float>(kernel, source, segment_k, target);
  if (source.type == DataType::f32 && kernel.b == DataType::bf16)
    return pack_any_group<float, bfloat16>(kernel, source, segment_k, target);
  if (source.type == DataType::s8 && kernel.b == DataType::s8)
    return pack_any_group<std::int8_t, std::int8_t>(kernel, source, segment_k, target);
  if (source.type == DataType::s8 && kernel.b == DataType::s16)
    return pack_any_group<std::int8_t, std::int16_t>(kernel, source, segment_k, target);
  if (source.type == DataType::s16 && kernel.b == DataType::s16)
    return pack_any_group<std::int16_t, std::int16_t>(kernel, source, segment_k, target);
  reject(kernel.name, "cannot pack weights of type " + std::string(name_of(source.type)), "pass f32 or s8 weights");
}

}  // namespace tessera
