#include "kernels/vector/kernels.hpp"

namespace tessera {

constinit const VectorKernels vector_kernels_avx512_core = vector_kernels_of("avx512_core", Isa::avx512_core);

}  // namespace tessera
