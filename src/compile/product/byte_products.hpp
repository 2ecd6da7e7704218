// u8 x s8 on CPUs without dot products: in bytes, which is fast where little can overflow 16 bits, or in words.
#pragma once

#include "compile/product/gemm_weights.hpp"

namespace tessera {

/// Marks of packed weights (kernels/brgemm/overflow.hpp), which lie behind the panels: none for kernels that read none.
std::size_t mark_bytes(const BrgemmKernel& kernel, const GemmWeights& weights);
void mark_panels(const BrgemmKernel& kernel, const GemmWeights& weights, std::byte* packed);
const std::uint8_t* marks_of(const BrgemmKernel& kernel, const GemmWeights& weights, const std::byte* packed);

/// Picoseconds of a multiply-add of bytes with a sample of the weights; infinity for kernels that read no marks.
double cost_in_bytes(const MachineConstants& machine, const BrgemmKernel& kernel, const GemmWeights& weights);

/// The kernel of bytes in the place of `chosen`, one of words, where a sample of the weights says that it is faster;
/// else `chosen`.
const BrgemmKernel& bytes_where_faster(const Builder& builder, const BrgemmKernel& chosen, const GemmWeights& weights);

}  // namespace tessera
