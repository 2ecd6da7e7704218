// The algorithms by which layers with weights are computed, in the order in which they are asked. The first one that
// takes a layer emits its steps; the last one takes all.
//
// Where several serve, the algorithm that is asked first puts the question to the Builder (Builder::choose), so that
// `--tune` may answer it with a stopwatch; without one, rules of shapes decide in floats, so that bits do not depend on
// the machine, and costs (choose/machine.hpp) in integers, whose bits no choice changes.
//
// To add one: a file lower_NAME with a function of the type below, its line in algorithms.cpp, its step in run/steps,
// and a test that it gives the bits (or the bound) that its line promises.
#pragma once

#include <span>

#include "compile/layout/builder.hpp"
#include "compile/product/product.hpp"
#include "ops/window.hpp"

namespace tessera {

/// For a convolution before its product is laid out: the algorithm may want the image otherwise. Emits the steps of the
/// node, or returns false and emits nothing. `product` is the kernel that would multiply it as matrices.
using ConvolutionAlgorithm = bool (*)(Builder& builder, const Node& node, const Window& window,
                                      const BrgemmKernel& product);
std::span<const ConvolutionAlgorithm> convolution_algorithms() noexcept;

/// For a product of any layer. Emits the steps of the product, or returns false and emits nothing.
using ProductAlgorithm = bool (*)(Builder& builder, const Product& product);
std::span<const ProductAlgorithm> product_algorithms() noexcept;

}  // namespace tessera
