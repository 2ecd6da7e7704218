// <immintrin.h> for the kernels: include this one instead. All of simd/ is included by per-ISA translation units only;
// everything in it has internal linkage and is forced inline: a weak symbol compiled with AVX-512 flags could be the
// one the linker keeps for an AVX2 machine.
#pragma once

#include <cstddef>
#include <cstdint>

// GCC 12's AVX-512 header makes "undefined" vectors as `__m512 y = y` and then warns about them wherever they are
// inlined.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#define TESSERA_INLINE static inline __attribute__((always_inline))
#define TESSERA_MEMBER inline __attribute__((always_inline))
#define TESSERA_LAMBDA __attribute__((always_inline))
