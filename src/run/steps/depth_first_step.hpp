// DepthFirstStep: a product and the depthwise convolution of its result, a band of rows at a time. The image between
// them, which is larger than L2, is never whole: each member keeps the band that it works on in its scratch.
#pragma once

#include <memory>

#include "run/steps/depthwise_step.hpp"
#include "run/steps/gemm_step.hpp"

namespace tessera {

class DepthFirstStep final : public Step {
 public:
  /// `depthwise` reads what `product` writes; `band_rows` of its rows are computed together.
  DepthFirstStep(std::unique_ptr<const GemmStep> product, std::unique_ptr<const DepthwiseStep> depthwise,
                 std::int64_t band_rows);

  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override;

 private:
  /// Rows [first, last) of one image between the layers: those that scratch holds, from its beginning on.
  struct Band {
    std::int64_t image = -1, first = 0, last = 0;
  };
  /// Makes scratch hold `wanted`; rows that it has in `held` are moved, the others computed.
  void fetch(RunContext& context, const Band& held, const Band& wanted) const noexcept;
  [[nodiscard]] std::size_t band_bytes() const noexcept;

  std::unique_ptr<const GemmStep> product_;
  std::unique_ptr<const DepthwiseStep> depthwise_;
  std::int64_t band_rows_;
};

}  // namespace tessera
