// What convolutions and linear layers have in common once their geometry is known: packed weights, epilogue, step.
#pragma once

#include "compile/product/gemm_weights.hpp"
#include "run/steps/gemm_step.hpp"

namespace tessera {

/// What happens to the sums of `x` times the weights on their way to the node's output; residual_rows and row_scale are
/// the step's. bias and residual are no_value where the node has none. scaled_at_run_time: the step has a row_scale or
/// dequantize_a.
Epilogue make_epilogue(Builder& builder, const Node& node, const BrgemmKernel& kernel, const GemmWeights& weights,
                       const Value& x, ValueId bias, ValueId residual, bool scaled_at_run_time = false);

/// Fills in the constant side of `spec` (whose operands, geometry and segments are set) and emits the step of `node`.
/// `x` says what the integers that spec.a holds stand for. `chosen` is the kernel of gemm_kernel(); words give way to
/// bytes where the weights make those faster.
void emit_gemm(Builder& builder, const Node& node, const BrgemmKernel& chosen, GemmSpec spec,
               const GemmWeights& weights, const Value& x, ValueId bias, ValueId residual);

}  // namespace tessera
