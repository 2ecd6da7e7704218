// Q, K and V that come out of one projection, side by side, as timm and ModernBERT write attention.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "passes/rewrite.hpp"

namespace tessera::passes {

/// A third of [B, S, 3 * H * D], with the heads apart.
struct PackedHeads {
  ValueId source = no_value;                      ///< [B, S, 3 * H * D]
  std::int64_t part = 0;                          ///< 0: Q, 1: K, 2: V
  SymbolicShape split;                            ///< [B, S, H, D]
  std::array<std::int64_t, 4> order{0, 1, 2, 3};  ///< of the axes of `split` in the value
};

/// What `value`, of rank 4, is cut out of: Reshape to [B, S, 3, H, D], perhaps a Transpose, then one of three by Split
/// or Slice and Squeeze, or by Gather.
std::optional<PackedHeads> packed_heads(const Rewriter& rewriter, ValueId value);

}  // namespace tessera::passes
