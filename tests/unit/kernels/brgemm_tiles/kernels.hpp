// The AMX kernels compiled against a tile unit in plain C++ (plain_tiles.hpp): they run wherever AVX2 does.
#pragma once

#include <span>

#include "kernels/brgemm/brgemm.hpp"

namespace tessera::testing {

std::span<const BrgemmKernel> plain_tile_kernels() noexcept;

/// Whether the plain unit of the calling thread is configured.
bool plain_tiles_in_use() noexcept;

/// Uses a tile of the plain unit that nobody has configured: does not return.
void multiply_without_configuration();

}  // namespace tessera::testing
