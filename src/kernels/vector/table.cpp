// The table of vector kernels and the choice from it.
#include <array>

#include "kernels/vector/tiers.hpp"

namespace tessera {

std::span<const VectorKernels> all_vector_kernels() noexcept {
  // From the least to the most capable tier.
  static const std::array table = {vector_kernels_avx2, vector_kernels_avx512_core};
  return table;
}

const VectorKernels& vector_kernels(Isa ceiling) noexcept {
  const auto table = all_vector_kernels();
  const VectorKernels* best = &table.front();
  for (const VectorKernels& kernels : table)
    if (includes(ceiling, kernels.isa)) best = &kernels;
  return *best;
}

}  // namespace tessera
