// Weights as MatchedStep multiplies them: a list for each column, of groups of 4 k that are matched in twos
// (kernels/matched/match.hpp).
#pragma once

#include "compile/layout/weight_store.hpp"
#include "compile/product/gemm_weights.hpp"
#include "run/steps/matched_lists.hpp"

namespace tessera {

/// How k of these weights is cut.
MatchedK matched_k(const GemmWeights& weights) noexcept;

/// The lists of `elements`, which lie as the constant of the weights has them; of one group and without zero points.
AlignedBuffer match_weights(const GemmWeights& weights, const std::byte* elements);
/// The same through the builder's weight store.
PackedWeight matched_weights(Builder& builder, const GemmWeights& weights);

/// How much more than k weights the lists of a sample of columns hold: 1 where every group finds another.
double matched_excess(const GemmWeights& weights);

}  // namespace tessera
