// The bf16 run case: which activations are stored as bfloat16.
#pragma once

#include "graph/graph.hpp"

namespace tessera {

/// Rewrites a fused f32 graph so that every operand of a matrix product is bf16. A value is stored as bf16 where a
/// product, a convolution's residual or an attention reads it, its producer can write bf16, and every reader can read
/// it; elsewhere a Cast is put before the readers that need one. Weights stay f32 constants; the plan rounds them when
/// it packs. Sums, softmax and normalization statistics are f32 in all kernels.
void convert_to_bf16(Graph& graph);

/// Whether a kernel of this op can store its result as bf16.
bool can_write_bf16(const Node& node);

}  // namespace tessera
