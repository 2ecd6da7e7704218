// Where u8 times s8 goes by lists of matched groups (decision 35).
#pragma once

#include "compile/layout/builder.hpp"
#include "compile/product/gemm_weights.hpp"
#include "run/steps/gemm_spec.hpp"

namespace tessera {

/// What `explain` calls it.
inline constexpr const char* matched_name = "avx2-u8s8-matched";

/// Whether a product for which gemm_kernel() took `chosen` can be computed so.
bool can_be_matched(const Builder& builder, const BrgemmKernel& chosen, const GemmSpec& spec,
                    const GemmWeights& weights);

/// Picoseconds of a multiply-add with a sample of the weights.
double cost_of_matched(const MachineConstants& machine, const GemmWeights& weights);

/// Emits the step of `node`, whose `gemm` is complete but for its weights, with the epilogue of `finisher`, a kernel of
/// bytes.
void emit_matched(Builder& builder, const Node& node, const BrgemmKernel& finisher, const GemmSpec& gemm,
                  const GemmWeights& weights, StepInfo info);

}  // namespace tessera
