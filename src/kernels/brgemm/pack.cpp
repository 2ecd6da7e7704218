#include <algorithm>
#include <cstring>
#include <string>

#include "core/error.hpp"
#include "core/memory.hpp"
#include "kernels/brgemm/brgemm.hpp"

namespace tessera {
namespace {

std::int64_t padded_k(const BrgemmKernel& kernel, std::int64_t k) {
  const std::int64_t group = kernel.k_group;
  return (k + group - 1) / group * group;
}

/// Elements of a column handled before the next column: a cache line of f32, so that every line of the source is read
/// once even where columns lie a power of two apart.
constexpr std::int64_t k_block = 16;

/// k elements (at most k_block, from a group border) of `columns` columns.
template <typename Source, typename Target, int group>
void pack_block(const BMatrix& source, std::int64_t k0, std::int64_t k, std::int64_t n0, std::int64_t columns, int nr,
                Target* target) {
  constexpr auto size = static_cast<std::int64_t>(sizeof(Source));
  const std::byte* const first = source.data + (k0 * source.k_stride + n0 * source.n_stride) * size;
  for (std::int64_t n = 0; n < columns; ++n) {
    const std::byte* const column = first + n * source.n_stride * size;
    for (std::int64_t i = 0; i < k; ++i) {
      Source element;  // files put weights at any alignment
      std::memcpy(&element, column + i * source.k_stride * size, sizeof element);
      target[i / group * group * nr + n * group + i % group] = static_cast<Target>(element);
    }
  }
}

template <typename Source, typename Target, int group>
void pack(const BrgemmKernel& kernel, const BMatrix& source, std::span<const std::int64_t> segment_k,
          std::byte* target) {
  static_assert(k_block % group == 0);
  const std::size_t panel_bytes = packed_panel_bytes(kernel, segment_k);
  for (std::int64_t n0 = 0; n0 < source.n; n0 += kernel.nr, target += panel_bytes) {
    const std::int64_t columns = std::min<std::int64_t>(kernel.nr, source.n - n0);
    auto* out = reinterpret_cast<Target*>(target);
    if (columns < kernel.nr) std::memset(target, 0, panel_bytes);
    std::int64_t k0 = 0;
    for (const std::int64_t k : segment_k) {
      // The last group is padded; its real elements are written over the zeros.
      if (k % group != 0) std::fill_n(out + k / group * group * kernel.nr, group * kernel.nr, Target{});
      for (std::int64_t done = 0; done < k; done += k_block)
        pack_block<Source, Target, group>(source, k0 + done, std::min(k_block, k - done), n0, columns, kernel.nr,
                                          out + done * kernel.nr);
      out += padded_k(kernel, k) * kernel.nr;
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
