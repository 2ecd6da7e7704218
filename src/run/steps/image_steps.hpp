// Steps that move activations between layouts: NCHW <-> NHWC, with the type conversion or quantization done on the way.
#pragma once

#include <memory>

#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"

namespace tessera {

/// Dense NCHW -> NHWC, with a border of `zero` bytes. An f32 source may be converted or quantized to the image's type
/// on the way (`target`); any other source_type equals the image's. The caller names the node.
std::unique_ptr<Step> make_to_nhwc(const VectorKernels& kernels, BufferId source, DataType source_type,
                                   const Requantize& target, const Image& image, std::uint8_t zero);
/// NHWC -> dense NCHW of the same type; an f32 image may stand for reals by `source`. The caller names the node.
std::unique_ptr<Step> make_to_nchw(const VectorKernels& kernels, const Image& image, const Dequantize& source,
                                   BufferId target);

}  // namespace tessera
