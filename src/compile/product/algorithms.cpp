#include "compile/product/algorithms.hpp"

#include <array>

#include "compile/product/lower_depthwise.hpp"
#include "compile/product/lower_direct.hpp"
#include "compile/product/lower_matched.hpp"
#include "compile/product/lower_strassen.hpp"
#include "compile/product/lower_winograd.hpp"

namespace tessera {

std::span<const ConvolutionAlgorithm> convolution_algorithms() noexcept {
  static constexpr std::array algorithms{
      ConvolutionAlgorithm{"depthwise", Keeps::bits, lower_depthwise},
      ConvolutionAlgorithm{"winograd", Keeps::integers, lower_winograd},
  };
  return algorithms;
}

std::span<const ProductAlgorithm> product_algorithms() noexcept {
  static constexpr std::array algorithms{
      ProductAlgorithm{"matched", Keeps::bits, lower_matched},
      ProductAlgorithm{"strassen", Keeps::integers, lower_strassen},
      ProductAlgorithm{"direct", Keeps::bits, lower_direct},
  };
  return algorithms;
}

}  // namespace tessera
