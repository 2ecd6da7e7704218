// Window: the sliding window of a convolution or a pooling with padding resolved to numbers. Shared by shape inference,
// the reference evaluators and the plan, so that auto_pad and ceil_mode are understood in one place.
#pragma once

#include <array>
#include <cstdint>

#include "graph/graph.hpp"

namespace tessera {

/// Of kernels, strides, dilations and pads: keeps products of two of them in range; one times an extent need not be.
inline constexpr std::int64_t largest_of_window = 1 << 24;

struct Window {
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t out_h = 0, out_w = 0;
};

/// Reads kernel_shape (or the given kernel, which it must equal), strides, dilations, pads, auto_pad and ceil_mode of a
/// 2-D Conv, MaxPool or AveragePool over an input of height x width. Error{invalid} naming the node and the attribute.
/// Allocates nothing.
Window window_of(const Node& node, std::int64_t height, std::int64_t width, std::int64_t kernel_h = 0,
                 std::int64_t kernel_w = 0);

/// Height and width of the output where those of the input may still be symbols.
std::array<Dim, 2> window_extents(const Node& node, const Dim& height, const Dim& width, std::int64_t kernel_h = 0,
                                  std::int64_t kernel_w = 0);

}  // namespace tessera
