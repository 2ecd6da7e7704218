#include "kernels/vector/kernels.hpp"

namespace tessera {

constinit const VectorKernels vector_kernels_avx2 = {"avx2", Isa::avx2, softmax, layer_norm, elementwise,
                                                     pool,   convert,   to_nhwc, to_nchw,    pack};

}  // namespace tessera
