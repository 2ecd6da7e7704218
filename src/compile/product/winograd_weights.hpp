// Weights of 3x3 convolutions as WinogradStep multiplies them: G g G^T of every channel pair (kernels/winograd).
#pragma once

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/vector_kernels.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// Of [columns][channels][3][3].
std::size_t winograd_weight_bytes(const BrgemmKernel& kernel, const WinogradTransforms& transforms,
                                  const Shape& weights);
/// Packs the matrices [channels][columns] for `kernel`, one after the other: f32 from f32, s16 from s8.
void pack_winograd_weights(const BrgemmKernel& kernel, const WinogradTransforms& transforms, const Shape& shape,
                           const std::byte* weights, std::byte* packed);

/// The same for weights that are transformed while the model runs: [panel][group][9][columns of a panel][k of a group]
/// of s8, groups and panels padded with zeros.
std::size_t winograd_tap_bytes(const BrgemmKernel& kernel, const Shape& weights);
void pack_winograd_taps(const BrgemmKernel& kernel, const Shape& shape, const std::byte* weights, std::byte* packed);

/// No sum of products of any u8 and a column [columns][...] of these s8 weights is larger in magnitude, nor is a part
/// of one.
std::int64_t most_sum(const Tensor& weights);

}  // namespace tessera
