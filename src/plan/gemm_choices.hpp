// The choices that every product of a layer has: what its operands are multiplied as, and how threads share it.
#pragma once

#include "plan/gemm_weights.hpp"
#include "plan/steps/gemm_step.hpp"

namespace tessera {

/// The kernel for a product for which gemm_kernel() took `chosen`: that, or one that makes the same bits of other forms
/// of the operands (bytes or 16-bit words, bf16 or f32).
const BrgemmKernel& choose_operands(Builder& builder, const Node& node, const BrgemmKernel& chosen,
                                    const GemmWeights& weights);

/// Tells the step how its threads divide it, where their number is known.
void choose_division(Builder& builder, const Node& node, GemmStep& step);

}  // namespace tessera
