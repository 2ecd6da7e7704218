#include "kernels/vector/kernels.hpp"

namespace tessera {

constinit const VectorKernels vector_kernels_avx512_core = {
    "avx512_core", Isa::avx512_core, softmax, layer_norm, elementwise, pool, convert, to_nhwc, to_nchw, pack};

}  // namespace tessera
