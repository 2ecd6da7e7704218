// Pooling over NHWC: output rows are shared among members.
#pragma once

#include <cstdint>

#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"

namespace tessera {

class PoolStep final : public Step {
 public:
  /// `geometry` without data and rows. `fill`: halo byte of y.
  PoolStep(const VectorKernels& kernels, const PoolCall& geometry, const Image& x, const Image& y, std::uint8_t fill)
      : kernel_(kernels.pool), geometry_(geometry), x_(x), y_(y), fill_(fill) {}

  void run(const RunContext& context) const noexcept override;

 private:
  void (*kernel_)(const PoolCall&);
  PoolCall geometry_;
  Image x_, y_;
  std::uint8_t fill_;
};

}  // namespace tessera
