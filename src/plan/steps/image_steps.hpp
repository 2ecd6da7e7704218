// Steps that move activations between layouts: NCHW <-> NHWC, with the type conversion or quantization done on the way.
#pragma once

#include <memory>

#include "plan/builder.hpp"

namespace tessera {

/// Dense NCHW -> NHWC, with a border of `zero` bytes. An f32 source may be converted or quantized to the image's type
/// on the way (`target` describes its value); any other source_type equals the image's.
std::unique_ptr<Step> make_to_nhwc(const Builder& builder, BufferId source, DataType source_type, const Value& target,
                                   const Image& image, std::uint8_t zero);
/// NHWC -> dense NCHW of the same type.
std::unique_ptr<Step> make_to_nchw(const Builder& builder, const Image& image, const Value& source, BufferId target);

}  // namespace tessera
