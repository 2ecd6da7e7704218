// Where the heads of a tensor lie that rotary positions turn, and how one is turned: what plain code and the step of a
// plan share.
#pragma once

#include <cstdint>

#include "graph/graph.hpp"

namespace tessera {

/// X [B, heads, S, D] or [B, S, heads * D]: elements from one batch item, head and position to the next.
struct RotaryLayout {
  std::int64_t batch = 1, heads = 1, length = 1, depth = 1;
  std::int64_t batch_stride = 0, head_stride = 0, position_stride = 0;

  [[nodiscard]] std::int64_t offset(std::int64_t b, std::int64_t head, std::int64_t position) const noexcept {
    return b * batch_stride + head * head_stride + position * position_stride;
  }
};
RotaryLayout rotary_layout(const Node& node, const Shape& x);

}  // namespace tessera
