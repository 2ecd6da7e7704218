// The sets of vector kernels, one a tier, each defined in the file of its name. table.cpp lists them.
#pragma once

#include "kernels/vector_kernels.hpp"

namespace tessera {

extern const VectorKernels vector_kernels_avx2;
extern const VectorKernels vector_kernels_avx512_core;

}  // namespace tessera
