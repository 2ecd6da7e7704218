#include "compare/profile.hpp"

#include <optional>
#include <utility>

#include "compare/team_peak.hpp"

namespace tessera {

double peak_for(const PeakRates& peak, const StepInfo& step) {
  const std::optional<double> rate = step.precision.starts_with("u8")     ? peak.int8_gops
                                     : step.precision.starts_with("bf16") ? peak.bf16_gflops
                                                                          : peak.fp32_gflops;
  return rate.value_or(0);
}

std::vector<ProfiledStep> profile_steps(Session& session, int runs) {
  const PeakRates peak = runs > 0 ? measure_team_peak(session.isa(), session.threads()) : PeakRates{};
  if (runs > 0)
    for (int i = 0; i < runs / 10 + 1; ++i) session.infer();  // warm-up
  std::vector<ProfiledStep> steps;
  double seconds = 0;
  for (StepInfo& step : session.explain(runs)) {
    seconds += step.seconds;
    steps.push_back({std::move(step), 0, 0});
  }
  for (ProfiledStep& entry : steps) {
    if (entry.step.seconds <= 0) continue;
    entry.share = entry.step.seconds / seconds;
    if (const double most = peak_for(peak, entry.step); most > 0)
      entry.peak_fraction = entry.step.gflop / entry.step.seconds / most;
  }
  return steps;
}

}  // namespace tessera
