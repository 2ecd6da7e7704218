// Pixels of an image as the float transforms take them.
#pragma once

#include "kernels/simd/f32x16.hpp"

namespace tessera {
namespace {

/// Channels c .. c + 15.
template <DataType type>
TESSERA_INLINE F32x16 load_pixels(const std::byte* pixel, std::int64_t c) {
  if constexpr (type == DataType::bf16) return load_bf16(pixel + c * 2);
  return load_f32(pixel + c * 4);
}

}  // namespace
}  // namespace tessera
