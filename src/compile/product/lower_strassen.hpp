// Where a product of matrices is computed by Strassen's algorithm (decision 32).
#pragma once

#include "compile/layout/builder.hpp"
#include "compile/product/gemm_weights.hpp"
#include "run/steps/gemm_step.hpp"

namespace tessera {

/// Emits the steps of `node`, whose `gemm` is complete, if its operands allow Strassen's algorithm and that is chosen;
/// else does nothing and returns false. `info` is that of the step that multiplies.
bool lower_strassen(Builder& builder, const Node& node, const BrgemmKernel& kernel, const GemmSpec& gemm,
                    const StepInfo& info);

}  // namespace tessera
