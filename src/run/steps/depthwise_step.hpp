// DepthwiseStep: a convolution of small groups of channels, a row of output pixels at a time; rows are shared among
// members.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/depthwise/depthwise.hpp"
#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"

namespace tessera {

struct DepthwiseSpec {
  Image x, y;
  Image residual;  ///< buffer == no_buffer: none
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_top = 0,
               window_rows = 1;  ///< rows of x above pixel (0, 0) that a window begins with, and all of its
  std::int64_t first_tap = 0;    ///< bytes from an input pixel to the first tap of its window: minus the padding
  std::vector<std::int64_t> taps;
  int row_taps = 0;  ///< taps of a row of the window where they are neighbouring pixels; 0: they are not
  int group = 1;
  const std::byte* weights = nullptr;
  std::int64_t block_bytes = 0;  ///< of the weights of 16 channels
  Epilogue epilogue;
  std::uint8_t fill = 0;  ///< halo byte of y
};

class DepthwiseStep final : public Step {
 public:
  DepthwiseStep(const VectorKernels& kernels, DepthwiseSpec spec)
      : kernel_(kernels.depthwise), spec_(std::move(spec)) {}

  void run(const RunContext& context) const noexcept override;

  [[nodiscard]] const DepthwiseSpec& spec() const noexcept { return spec_; }
  /// These rows of all images of y, by this member alone; the border of y is left as it is.
  void run_rows(const RunContext& context, const Range& rows) const noexcept;

 private:
  void run_row(const RunContext& context, std::int64_t n, std::int64_t h, std::int64_t channel,
               std::int64_t channels) const noexcept;

  void (*kernel_)(const DepthwiseCall&);
  DepthwiseSpec spec_;
};

}  // namespace tessera
