// u8 x s8 on CPUs with tiles: what a product costs with each of the kernels that give the same sums.
#pragma once

#include <cstdint>
#include <vector>

#include "compile/choose/machine.hpp"
#include "kernels/brgemm/brgemm.hpp"

namespace tessera {

struct ProductSize {
  std::int64_t rows = 0, columns = 0;
  std::int64_t k = 0;  ///< bytes
};

/// Picoseconds on one core: multiplying, reading the weights once, and configuring tiles. Reading hides behind
/// multiplying only in part; here it does not at all. `kernel` is one of u8 x s8, with tiles or dot products.
double cost_of_product(const MachineConstants& machine, const BrgemmKernel& kernel, const ProductSize& size);

/// The kernels of u8 x s8 within the ceiling that are worth a thought for so many rows: `usual` first.
std::vector<const BrgemmKernel*> kernels_of_bytes(const BrgemmKernel& usual, Isa ceiling, std::int64_t rows);

}  // namespace tessera
