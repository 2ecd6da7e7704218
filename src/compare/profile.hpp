// The steps of a session with the time each takes and the share of this machine's measured peak it reaches.
#pragma once

#include <vector>

#include "compare/report.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// A step with what is derived from its profile.
struct ProfiledStep {
  StepInfo step;
  double share = 0;          ///< of the whole inference
  double peak_fraction = 0;  ///< of the measured peak in the step's arithmetic; 0 where it does none worth counting
};

/// The rate that the arithmetic of a step is measured against; 0 where the tier has none.
double peak_for(const PeakRates& peak, const StepInfo& step);

/// The plan of `session`; with `runs` every step is timed over that many inferences, after some to warm up, on the
/// inputs that are set.
std::vector<ProfiledStep> profile_steps(Session& session, int runs);

}  // namespace tessera
