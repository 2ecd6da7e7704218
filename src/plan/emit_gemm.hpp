// What convolutions and linear layers have in common once their geometry is known: packed weights, epilogue, step.
#pragma once

#include "plan/gemm_weights.hpp"
#include "plan/steps/gemm_step.hpp"

namespace tessera {

/// Fills in the constant side of `spec` (whose operands, geometry and segments are set) and emits the step of `node`.
/// bias and residual are no_value where the node has none.
void emit_gemm(Builder& builder, const Node& node, const BrgemmKernel& kernel, GemmSpec spec,
               const GemmWeights& weights, ValueId bias, ValueId residual);

}  // namespace tessera
