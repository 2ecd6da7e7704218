#include "compare/work_share.hpp"

#include <array>
#include <utility>

#include "compare/layer_profile.hpp"

namespace tessera {
namespace {

double& part_of(WorkShare& share, Precision multiplied) {
  if (multiplied == Precision::int8) return share.int8;
  return multiplied == Precision::bf16 ? share.bf16 : share.fp32;
}

}  // namespace

WorkShare work_share(std::span<const StepInfo> steps) {
  WorkShare share;
  double total = 0;
  for (const StepInfo& step : steps) {
    part_of(share, multiplied_in(step)) += step.gflop;
    total += step.gflop;
  }
  if (!(total > 0)) return {};
  for (double* part : {&share.fp32, &share.bf16, &share.int8}) *part /= total;
  return share;
}

Precision computed_in(const WorkShare& share, Precision asked) noexcept {
  if (share.int8 > share.fp32 && share.int8 > share.bf16)
    return asked == Precision::int8_dynamic ? asked : Precision::int8;
  if (share.bf16 > share.fp32) return Precision::bf16;
  return share.fp32 > 0 ? Precision::fp32 : asked;
}

std::optional<double> peak_of(const WorkShare& share, const PeakRates& peak) noexcept {
  const std::array<std::pair<double, std::optional<double>>, 3> parts = {
      {{share.fp32, peak.fp32_gflops}, {share.bf16, peak.bf16_gflops}, {share.int8, peak.int8_gops}}};
  double seconds_per_gop = 0;
  for (const auto& [part, rate] : parts) {
    if (part == 0) continue;
    if (!rate || !(*rate > 0)) return std::nullopt;
    seconds_per_gop += part / *rate;
  }
  if (!(seconds_per_gop > 0)) return std::nullopt;
  return 1 / seconds_per_gop;
}

}  // namespace tessera
