// The arithmetic of the register tile (tile.hpp) in 512-bit vectors: panels of 32 columns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd/f32x16.hpp"

namespace tessera {
namespace {

struct FloatSums {
  using Accumulator = __m512;
  [[gnu::always_inline]] static __m512 zero() { return _mm512_setzero_ps(); }
  [[gnu::always_inline]] static __m512 load(const std::byte* from) { return _mm512_load_ps(from); }
  [[gnu::always_inline]] static void store(std::byte* to, __m512 value) { _mm512_store_ps(to, value); }
  [[gnu::always_inline]] static __m512 a(const std::byte* from) {
    return _mm512_set1_ps(*reinterpret_cast<const float*>(from));
  }
  [[gnu::always_inline]] static __m512 multiply_add(__m512 sum, __m512 a, __m512 b) {
    // As an intrinsic it may overwrite a or b instead of the sum, which costs moves.
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
};

struct IntegerSums {
  using Accumulator = __m512i;
  [[gnu::always_inline]] static __m512i zero() { return _mm512_setzero_si512(); }
  [[gnu::always_inline]] static __m512i load(const std::byte* from) { return _mm512_loadu_si512(from); }
  [[gnu::always_inline]] static void store(std::byte* to, __m512i value) { _mm512_store_si512(to, value); }
  [[gnu::always_inline]] static __m512i a(const std::byte* from) {
    std::int32_t bytes;  // of any alignment
    __builtin_memcpy(&bytes, from, sizeof(bytes));
    return _mm512_set1_epi32(bytes);
  }
};

struct F32Ops : FloatSums {
  static constexpr bool widens = false, tail_needs_care = false;
  static constexpr int step_k = 1, steps_per_group = 1, group_bytes = 128;
  template <int>
  [[gnu::always_inline]] static __m512 b(const std::byte* group, int vector) {
    return _mm512_loadu_ps(group + vector * 64);
  }
};

/// f32 by bf16: a lane of B holds k and k+1, each becomes f32 with one instruction.
struct F32Bf16Ops : FloatSums {
  static constexpr bool widens = false, tail_needs_care = false;
  static constexpr int step_k = 1, steps_per_group = 2, group_bytes = 128;
  template <int Step>
  [[gnu::always_inline]] static __m512 b(const std::byte* group, int vector) {
    const __m512i pair = _mm512_loadu_si512(group + vector * 64);
    if constexpr (Step == 0) return _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16));
    return _mm512_castsi512_ps(_mm512_and_si512(pair, _mm512_set1_epi32(static_cast<int>(0xffff0000U))));
  }
};

/// bf16 stored, f32 multiplied.
struct WidenedBf16Ops : F32Bf16Ops {
  static constexpr bool widens = true;
  static constexpr int a_bytes = 2;
  [[gnu::noinline]] static void widen(const std::byte* from, std::int64_t k, std::byte* to) {
    for (std::int64_t i = 0; i < k; i += 16) {
      const std::int64_t rest = k - i;
      const auto mask = static_cast<__mmask16>(rest >= 16 ? 0xffffU : (1U << rest) - 1U);
      const __m512i words = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from + i * 2));
      _mm512_store_si512(to + i * 4, _mm512_slli_epi32(words, 16));
    }
  }
};

/// u8 x s8 with 16-bit operands: a product and the sum of two fit 32 bits, so nothing saturates.
struct WidenedU8S8Ops : IntegerSums {
  static constexpr bool widens = true, tail_needs_care = false;
  static constexpr int a_bytes = 1, step_k = 2, steps_per_group = 1, group_bytes = 64;
  template <int>
  [[gnu::always_inline]] static __m512i b(const std::byte* group, int vector) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(group) + vector));
  }
  [[gnu::always_inline]] static __m512i multiply_add(__m512i sum, __m512i a, __m512i b) {
    // In this order and in place: as intrinsics all products come first, and sums are spilled.
    __asm__("vpaddd %1, %0, %0" : "+v"(sum) : "v"(_mm512_madd_epi16(a, b)));
    return sum;
  }
  [[gnu::noinline]] static void widen(const std::byte* from, std::int64_t k, std::byte* to) {
    for (std::int64_t i = 0; i < k; i += 32) {
      const std::int64_t rest = k - i;
      const auto mask = static_cast<__mmask32>(rest >= 32 ? 0xffffffffU : (1U << rest) - 1U);
      _mm512_store_si512(to + i * 2, _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, from + i)));
    }
  }
};

/// s16 as it is, for operands that somebody else has widened or transformed.
struct S16Ops : IntegerSums {
  static constexpr bool widens = false, tail_needs_care = false;
  static constexpr int step_k = 2, steps_per_group = 1, group_bytes = 128;
  template <int>
  [[gnu::always_inline]] static __m512i b(const std::byte* group, int vector) {
    return _mm512_loadu_si512(group + vector * 64);
  }
  [[gnu::always_inline]] static __m512i multiply_add(__m512i sum, __m512i a, __m512i b) {
    return WidenedU8S8Ops::multiply_add(sum, a, b);
  }
};

}  // namespace
}  // namespace tessera
