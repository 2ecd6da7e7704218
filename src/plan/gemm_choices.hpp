// The choices that every product of a layer has: what its operands are multiplied as, and how threads share it.
#pragma once

#include <optional>

#include "plan/gemm_weights.hpp"
#include "plan/steps/gemm_step.hpp"

namespace tessera {

/// The kernel for a product for which gemm_kernel() took `chosen`: that, or one that makes the same bits of other forms
/// of the operands (bytes or 16-bit words, bf16 or f32).
const BrgemmKernel& choose_operands(Builder& builder, const Node& node, const BrgemmKernel& chosen,
                                    const GemmWeights& weights);

/// How the threads divide the grid of a step; as split_grid says where their number is not known.
std::optional<GridSplit> choose_division(Builder& builder, const Node& node, const Grid& grid);

}  // namespace tessera
