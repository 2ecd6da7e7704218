// 3x3 convolutions of stride 1 or 2 -> WinogradStep.
#pragma once

#include "compile/layout/builder.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "ops/window.hpp"

namespace tessera {

/// A ConvolutionAlgorithm: emits the step and returns true where Winograd's algorithm serves this FusedConv and is
/// faster. In f32 the choice depends on one image's shape alone, so that neither the tier, nor the number of threads,
/// nor the batch changes a bit of the result; in int8 no choice does.
bool lower_winograd(Builder& builder, const Node& node, const Window& window, const BrgemmKernel& product);

}  // namespace tessera
