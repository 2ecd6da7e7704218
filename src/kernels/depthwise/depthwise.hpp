// Convolutions of small groups: depthwise ones, where a channel of the output depends on one channel of the input, and
// those of 2, 4 or 8 channels a group. Channels are lanes; no matrix product would fill its columns here.
//
//     y[pixel][c] = epilogue( sum over taps t, sum over j < group  x[window of pixel, tap t][c / group * group + j] *
//                             w[c][t][j] )
//
// The order of summation and the epilogue are those of brgemm.hpp, so float results equal those of the same convolution
// as matrix products: one chain of fused multiply-adds in the order of the weights, from +0, of f32 or of bf16 operands
// widened to f32; integers are exact.
#pragma once

#include <cstddef>

#include "kernels/brgemm/brgemm.hpp"

namespace tessera {

constexpr int depthwise_lanes = 16;      ///< channels of a block of weights
constexpr int most_depthwise_group = 8;  ///< channels of a group: 1, 2, 4 or 8

/// One row of output pixels.
struct DepthwiseCall {
  const std::byte* x =
      nullptr;  ///< the first channel of the input pixel at which the window of the first output starts
  DataType type = DataType::f32;       ///< of x: f32, bf16 or u8
  std::int64_t x_step = 0;             ///< bytes from one window to the next
  const std::int64_t* taps = nullptr;  ///< bytes from the start of a window to each of its pixels
  int tap_count = 0;
  int group = 1;                       ///< channels of a group
  const std::byte* weights = nullptr;  ///< as pack_depthwise leaves them
  std::int64_t channels = 0;           ///< of x and of y; x may be read to the next multiple of 16
  std::int64_t pixels = 0;
  const Epilogue* epilogue = nullptr;   ///< column arrays are padded to a multiple of 16; rows of its own are ignored
  const std::byte* residual = nullptr;  ///< of the first output; null: none
  std::int64_t residual_step = 0;
  std::byte* y = nullptr;
  std::int64_t y_step = 0;
  /// Where each row of a window has so many taps, one pixel apart; 0: they lie anywhere.
  int row_taps = 0;
  std::int64_t tap_step = 0;  ///< bytes from pixel to pixel
};

/// The geometry of weights [channels][group][taps] (OIHW).
struct DepthwiseWeights {
  std::int64_t channels = 0;
  int group = 1;
  int taps = 1;
};
/// Packed for x of this type: blocks of 16 channels; for f32 and bf16 [taps][group][16] floats, those for bf16 rounded
/// to bf16; for u8 [pairs of products][16][2] of s16, where a pair is two j of a tap or, in groups of 1, two taps. The
/// elements may lie at any alignment; f32, or s8 for u8.
std::size_t packed_depthwise_bytes(DataType x, const DepthwiseWeights& weights);
void pack_depthwise(DataType x, const DepthwiseWeights& weights, const std::byte* elements, std::byte* packed);

/// Plain code: one column of a matrix product for each channel.
void depthwise_reference(const DepthwiseCall& call);

}  // namespace tessera
