// How a node reduces floats, in parts that can be computed apart and give the same bits in any order: plain code
// computes all of them, the members of a plan share them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {

/// The loops of a reduction. Rows lie along the last axis: each is reduced to one number, or combined element by
/// element with those it is reduced with.
struct ReductionLoops {
  static constexpr std::int64_t block = 64;   ///< columns of a part where rows are combined
  Shape kept, reduced;                        ///< extents of the axes but the last
  Strides kept_strides{}, reduced_strides{};  ///< elements of the input between neighbours along them
  std::int64_t row = 1;                       ///< elements of a row
  bool row_is_reduced = true;
  std::int64_t count = 1;  ///< elements that become one

  [[nodiscard]] std::int64_t blocks() const noexcept { return row_is_reduced ? 1 : (row + block - 1) / block; }
  [[nodiscard]] std::int64_t parts() const { return kept.elements() * blocks(); }
};

struct FloatReduction {
  ReductionLoops loops;
  /// Computes parts [first, last) of y.
  void (*compute)(const ReductionLoops& loops, const float* x, float* y, std::int64_t first, std::int64_t last);
};

/// Nothing for nodes of another kind. The axes must be there, if they are an input.
std::optional<FloatReduction> float_reduction_of(const Node& node, std::span<const TensorView> inputs);

}  // namespace tessera
