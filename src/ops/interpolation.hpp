// What Resize by interpolation computes, as plans want to know it: the input elements that every output element is made
// of, one axis at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ops/op.hpp"

namespace tessera {

/// An output element is the sum, over all combinations of one tap along each resized axis, of the product of their
/// weights with the input element where they meet. The first resized axis changes fastest, weights are multiplied in
/// the order of axes, and combinations of weight 0 are left out.
struct Interpolation {
  struct Axis {
    std::vector<std::int64_t> elements;  ///< along the input's axis, `taps` for each output element; empty: all stay
    std::vector<float> weights;          ///< likewise
  };
  std::size_t taps = 2;
  std::vector<Axis> axes;
};

/// Nothing for a Resize by the nearest element. All inputs but the first must be there, whose elements are not read.
std::optional<Interpolation> interpolation_of(const Node& node, std::span<const TensorView> inputs, const Shape& y);

}  // namespace tessera
