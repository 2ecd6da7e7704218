#include "compile/product/algorithms.hpp"

#include <array>

#include "compile/product/lower_depthwise.hpp"
#include "compile/product/lower_direct.hpp"
#include "compile/product/lower_matched.hpp"
#include "compile/product/lower_strassen.hpp"
#include "compile/product/lower_winograd.hpp"

namespace tessera {

// The comments say what each keeps of the direct sums.

std::span<const ConvolutionAlgorithm> convolution_algorithms() noexcept {
  static constexpr std::array<ConvolutionAlgorithm, 2> algorithms{
      lower_depthwise,  // all bits
      lower_winograd,   // s32 sums exactly; floats within a bound of its own
  };
  return algorithms;
}

std::span<const ProductAlgorithm> product_algorithms() noexcept {
  static constexpr std::array<ProductAlgorithm, 3> algorithms{
      lower_matched,   // all bits
      lower_strassen,  // s32 sums exactly; floats within a bound of its own
      lower_direct,    // it computes them
  };
  return algorithms;
}

}  // namespace tessera
