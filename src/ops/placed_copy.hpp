// What ops do that take every output element from one place of the input, where the place along each axis depends on
// that axis alone: Pad, Resize by the nearest element, Gather of known indices. Plans read it; plain code does not,
// since these lists take memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {

struct PlacedCopy {
  static constexpr std::int64_t outside = -1;  ///< no element: a value that the node gives stands there
  /// For every axis of the input, and every place along it in the output: which element of that axis stands there. The
  /// output, row-major, has so many places along each; its shape may be another of as many elements.
  std::vector<std::vector<std::int64_t>> axes;
};

/// Nothing for nodes of another kind. `y`: the planned shape. All inputs but the first must be there, whose elements
/// are not read.
std::optional<PlacedCopy> placed_copy_of(const Node& node, std::span<const TensorView> inputs, const Shape& y);

// Each where its op is defined.
std::optional<PlacedCopy> pad_places(const Node& node, std::span<const TensorView> inputs, const Shape& y);
std::optional<PlacedCopy> nearest_places(const Node& node, std::span<const TensorView> inputs, const Shape& y);
std::optional<PlacedCopy> gather_places(const Node& node, std::span<const TensorView> inputs);

}  // namespace tessera
