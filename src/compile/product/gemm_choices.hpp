// The choices that every product of a layer has: what its operands are multiplied as, and how threads share it.
#pragma once

#include <optional>

#include "compile/product/gemm_weights.hpp"
#include "run/steps/gemm_step.hpp"

namespace tessera {

/// A form of the operands of a product, and the kernel that multiplies it.
struct Operands {
  const BrgemmKernel* kernel;
  bool matched = false;  ///< bytes by lists of groups (lower_matched.hpp); the kernel is that of the epilogue
};

/// How to multiply what gemm_kernel() took `chosen` for: so, or in another form that makes the same bits (bytes or
/// 16-bit words, bf16 or f32).
Operands choose_operands(Builder& builder, const Node& node, const BrgemmKernel& chosen, const GemmSpec& spec,
                         const GemmWeights& weights);

/// How the threads divide the grid of a step; as split_grid says where their number is not known.
std::optional<GridSplit> choose_division(Builder& builder, const Node& node, const Grid& grid);

}  // namespace tessera
