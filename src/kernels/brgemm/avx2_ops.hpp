// The arithmetic of the register tile (tile.hpp) in 256-bit vectors: panels of 16 columns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd/f32x16.hpp"

namespace tessera {
namespace {

TESSERA_INLINE __m256i load256(const std::byte* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
TESSERA_INLINE void store256(std::byte* to, __m256i value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
}
TESSERA_INLINE __m128i load128(const std::byte* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

struct FloatSums {
  using Accumulator = __m256;
  [[gnu::always_inline]] static __m256 zero() { return _mm256_setzero_ps(); }
  [[gnu::always_inline]] static __m256 load(const std::byte* from) {
    return _mm256_load_ps(reinterpret_cast<const float*>(from));
  }
  [[gnu::always_inline]] static void store(std::byte* to, __m256 value) {
    _mm256_store_ps(reinterpret_cast<float*>(to), value);
  }
  [[gnu::always_inline]] static __m256 a(const std::byte* from) {
    return _mm256_broadcast_ss(reinterpret_cast<const float*>(from));
  }
  [[gnu::always_inline]] static __m256 multiply_add(__m256 sum, __m256 a, __m256 b) {
    // As an intrinsic it may overwrite a or b instead of the sum, which costs moves.
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
};

struct IntegerSums {
  using Accumulator = __m256i;
  [[gnu::always_inline]] static __m256i zero() { return _mm256_setzero_si256(); }
  [[gnu::always_inline]] static __m256i load(const std::byte* from) { return load256(from); }
  [[gnu::always_inline]] static void store(std::byte* to, __m256i value) { store256(to, value); }
  [[gnu::always_inline]] static __m256i a(const std::byte* from) {
    std::int32_t bytes;  // of any alignment
    __builtin_memcpy(&bytes, from, sizeof(bytes));
    return _mm256_set1_epi32(bytes);
  }
};

struct F32Ops : FloatSums {
  static constexpr bool widens = false, tail_needs_care = false;
  static constexpr int step_k = 1, steps_per_group = 1, group_bytes = 64;
  template <int>
  [[gnu::always_inline]] static __m256 b(const std::byte* group, int vector) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(group) + vector * 8);
  }
};

/// f32 by bf16: a lane of B holds k and k+1, each becomes f32 with one instruction.
struct F32Bf16Ops : FloatSums {
  static constexpr bool widens = false, tail_needs_care = false;
  static constexpr int step_k = 1, steps_per_group = 2, group_bytes = 64;
  template <int Step>
  [[gnu::always_inline]] static __m256 b(const std::byte* group, int vector) {
    const __m256i pair = load256(group + vector * 32);
    if constexpr (Step == 0) return _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16));
    return _mm256_castsi256_ps(_mm256_and_si256(pair, _mm256_set1_epi32(static_cast<int>(0xffff0000U))));
  }
};

/// bf16 stored, f32 multiplied.
struct WidenedBf16Ops : F32Bf16Ops {
  static constexpr bool widens = true;
  static constexpr int a_bytes = 2;
  [[gnu::noinline]] static void widen(const std::byte* from, std::int64_t k, std::byte* to) {
    std::int64_t i = 0;
    for (; i + 8 <= k; i += 8)
      store256(to + i * 4, _mm256_slli_epi32(_mm256_cvtepu16_epi32(load128(from + i * 2)), 16));
    for (; i < k; ++i) {
      const std::uint32_t bits = reinterpret_cast<const std::uint16_t*>(from)[i];
      reinterpret_cast<std::uint32_t*>(to)[i] = bits << 16;
    }
  }
};

/// s16 as it is, for operands that somebody else has widened or transformed: a product of widened bytes and the sum of
/// two fit 32 bits.
struct S16Ops : IntegerSums {
  static constexpr bool widens = false, tail_needs_care = false;
  static constexpr int step_k = 2, steps_per_group = 1, group_bytes = 64;
  template <int>
  [[gnu::always_inline]] static __m256i b(const std::byte* group, int vector) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(group) + vector);
  }
  [[gnu::always_inline]] static __m256i multiply_add(__m256i sum, __m256i a, __m256i b) {
    // In this order and in place: as intrinsics all products come first, and sums are spilled.
    __asm__("vpaddd %1, %0, %0" : "+v"(sum) : "v"(_mm256_madd_epi16(a, b)));
    return sum;
  }
};

}  // namespace
}  // namespace tessera
