// Where u8 times s8 goes by lists of matched groups (decision 35).
#pragma once

#include "compile/layout/builder.hpp"
#include "compile/product/gemm_weights.hpp"
#include "compile/product/product.hpp"
#include "run/steps/gemm_spec.hpp"

namespace tessera {

/// What `explain` calls it.
inline constexpr const char* matched_name = "avx2-u8s8-matched";

/// Whether a product for which gemm_kernel() took `chosen` can be computed so.
bool can_be_matched(const Builder& builder, const BrgemmKernel& chosen, const GemmSpec& spec,
                    const GemmWeights& weights);

/// Picoseconds of a multiply-add with a sample of the weights.
double cost_of_matched(WeightStore& store, const MachineConstants& machine, const GemmWeights& weights);

/// A ProductAlgorithm: emits the step of a product whose operands are to be matched, with the epilogue of their kernel;
/// else returns false.
bool lower_matched(Builder& builder, const Product& product);

}  // namespace tessera
