#include "kernels/matched/multiply.hpp"
#include "kernels/vector/kernels.hpp"

namespace tessera {

constinit const VectorKernels vector_kernels_avx2 = vector_kernels_of("avx2", Isa::avx2, &matched_by_ymm);

}  // namespace tessera
