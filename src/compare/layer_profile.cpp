#include "compare/layer_profile.hpp"

#include <string_view>

namespace tessera {

Precision multiplied_in(const StepInfo& step) noexcept {
  const std::string_view types = step.precision;
  if (types.starts_with("u8") || types.starts_with("s8")) return Precision::int8;
  return types.starts_with("bf16") ? Precision::bf16 : Precision::fp32;
}

double intensity_of(const StepInfo& step) noexcept {
  return step.bytes > 0 ? step.gflop * 1e9 / static_cast<double>(step.bytes) : 0;
}

double rate_of(const StepInfo& step) noexcept {
  return step.seconds > 0 ? step.gflop / step.seconds : 0;
}

}  // namespace tessera
