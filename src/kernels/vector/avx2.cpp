#include "kernels/vector/kernels.hpp"

namespace tessera {

constinit const VectorKernels vector_kernels_avx2 = {"avx2",        Isa::avx2,
                                                     softmax,       layer_norm,
                                                     elementwise,   pool,
                                                     convert,       quantize_rows,
                                                     widen,         to_nhwc,
                                                     to_nchw,       pack,
                                                     winograd_f32,  winograd_f32_small,
                                                     winograd_bf16, winograd_bf16_small,
                                                     winograd_int8};

}  // namespace tessera
