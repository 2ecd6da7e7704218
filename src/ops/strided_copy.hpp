// What ops that only move elements do: the output takes its elements from places of the input that lie a fixed distance
// apart along every axis. Plain code and the kernels of plans read the same description.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {

/// Output element [p0, p1, ...], row-major under `shape`, is input element base + p0 * strides[0] + p1 * strides[1] ...
struct StridedCopy {
  Shape shape;  ///< the output's; for DepthToSpace, SpaceToDepth and Tile one of as many elements
  Strides strides{};
  std::int64_t base = 0;
};

/// How a node fills its output `index`. `from`: elements between neighbours along each axis of input 0, which need not
/// be dense. Nothing for ops that are not of this kind; they are Transpose, Slice, Split, Gather of evenly spaced
/// indices, Expand, Tile, DepthToSpace and SpaceToDepth. All inputs but the first must be there.
std::optional<StridedCopy> strided_copy_of(const Node& node, std::span<const TensorView> inputs,
                                           std::span<const Shape> outputs, std::size_t index, const Strides& from);

/// The evaluation of such an op with one output.
void evaluate_strided_copy(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs);

// Each where its op is defined.
StridedCopy transpose_copy(const Node& node, const Shape& y, const Strides& from);
StridedCopy slice_copy(const Node& node, std::span<const TensorView> inputs, const Shape& y, const Strides& from);
/// Nothing where the indices, which must have at most one axis, are not evenly spaced.
std::optional<StridedCopy> gather_copy(const Node& node, std::span<const TensorView> inputs, const Shape& y,
                                       const Strides& from);
StridedCopy split_copy(const Node& node, std::span<const Shape> parts, std::size_t index, const Strides& from);
/// Nothing where it takes more axes than a shape may have.
std::optional<StridedCopy> tile_copy(const Shape& x, const Shape& y, const Strides& from);
StridedCopy expand_copy(const Shape& x, const Shape& y, const Strides& from);
StridedCopy depth_to_space_copy(const Node& node, const Shape& x, const Strides& from);
StridedCopy space_to_depth_copy(const Node& node, const Shape& x, const Strides& from);

}  // namespace tessera
