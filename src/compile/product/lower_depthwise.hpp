// Convolutions of small groups by the kernel of their own (kernels/depthwise/).
#pragma once

#include "compile/layout/builder.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "ops/window.hpp"

namespace tessera {

/// A ConvolutionAlgorithm: emits the step, or returns false where the convolution is of another kind; `product` is the
/// kernel that would multiply it as matrices.
bool lower_depthwise(Builder& builder, const Node& node, const Window& window, const BrgemmKernel& product);

}  // namespace tessera
