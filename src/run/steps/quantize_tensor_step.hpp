// The steps that turn a float image into integers as DynamicQuantizeLinear does, for convolutions whose input nobody
// calibrated: one finds the range of the whole tensor, the next writes integers and what they stand for.
#pragma once

#include <memory>

#include "kernels/vector_kernels.hpp"
#include "run/quantized.hpp"

namespace tessera {

/// Where a float tensor lies: dense NCHW, or as an image.
struct FloatSource {
  BufferId buffer = no_buffer;
  Image image;  ///< buffer == no_buffer: dense
  std::int64_t elements = 0;
  DataType type = DataType::f32;  ///< f32 where dense, else f32 or bf16
};

/// Bytes of a range: of so many parts of the tensor, whoever looks at them.
std::size_t range_bytes() noexcept;

/// The first and the second step; the caller names the node.
std::unique_ptr<Step> make_range(const VectorKernels& kernels, const FloatSource& source, BufferId range);
std::unique_ptr<Step> make_quantize_tensor(const VectorKernels& kernels, const FloatSource& source, BufferId range,
                                           const QuantizedImage& target);

}  // namespace tessera
