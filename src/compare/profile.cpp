#include "compare/profile.hpp"

#include <algorithm>
#include <utility>

#include "compare/format.hpp"
#include "compare/process_memory.hpp"
#include "compare/team_peak.hpp"

namespace tessera {
namespace {

constexpr double giga = 1e9;
/// Nobody asks what holds back a step that comes this near to the peak.
constexpr double near_peak = 0.7;
/// A step that much faster than memory allows did not wait for it.
constexpr double cached = 1.25;
/// All threads begin a step together and wait for the last one: below this, that counts.
constexpr double short_step = 20e-6;

}  // namespace

double peak_for(const PeakRates& peak, const StepInfo& step) {
  switch (multiplied_in(step)) {
    case Precision::fp32: return peak.fp32_gflops.value_or(0);
    case Precision::bf16: return peak.bf16_gflops.value_or(0);
    case Precision::int8:
    case Precision::int8_dynamic: return peak.int8_gops.value_or(0);
  }
  return 0;
}

std::string limit_of(const ProfiledStep& entry, const LayerProfile& profile) {
  const StepInfo& step = entry.step;
  if (step.seconds <= 0 || entry.peak_fraction >= near_peak) return {};
  const double once = step.seconds / static_cast<double>(std::max<std::int64_t>(step.runs, 1));
  const double moved = static_cast<double>(step.bytes) / step.seconds / giga;
  const double peak = peak_for(profile.peak, step);
  const double allowed = peak > 0 ? intensity_of(step) * profile.bandwidth_gbps / peak : 0;
  if (step.gflop > 0 && once < short_step) return "short: " + fixed(once * 1e6, 1) + " us";
  // Clearly above that its data came from caches.
  if (step.gflop > 0 && allowed > 0 && allowed < near_peak && entry.peak_fraction < cached * allowed)
    return "bytes: memory allows " + percent(allowed) + " of the peak";
  if (step.gflop == 0 && step.bytes > 0 && profile.bandwidth_gbps > 0)
    return "bytes: " + quantity(moved) + " GB/s, memory does " + quantity(profile.bandwidth_gbps);
  return {};
}

LayerProfile profile_layers(Session& session, int runs) {
  LayerProfile profile;
  profile.isa = session.isa();
  profile.threads = session.threads();
  profile.runs = runs;
  if (runs > 0) {
    profile.peak = measure_team_peak(profile.isa, profile.threads);
    for (int i = 0; i < runs / 10 + 1; ++i) session.infer();  // warm-up
  }
  for (StepInfo& step : session.explain(runs)) {
    profile.seconds += step.seconds;
    profile.steps.push_back({std::move(step), 0, 0, {}});
  }
  profile.peak_resident_mb = peak_resident_mb();
  if (runs > 0) profile.bandwidth_gbps = measure_team_bandwidth(profile.threads);
  for (ProfiledStep& entry : profile.steps) {
    if (entry.step.seconds > 0) entry.share = entry.step.seconds / profile.seconds;
    if (const double most = peak_for(profile.peak, entry.step); most > 0)
      entry.peak_fraction = rate_of(entry.step) / most;
    entry.reason = entry.step.why.empty() ? limit_of(entry, profile) : entry.step.why;
  }
  return profile;
}

}  // namespace tessera
