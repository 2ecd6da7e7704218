// The steps of a session with the time each takes and the share of this machine's measured peak it reaches.
#pragma once

#include "compare/layer_profile.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// The rate that the arithmetic of a step is measured against; 0 where the tier has none.
double peak_for(const PeakRates& peak, const StepInfo& step);

/// What holds a step back, in words, by its times and what the machine reaches; empty where that says nothing.
std::string limit_of(const ProfiledStep& entry, const LayerProfile& profile);

/// The plan of `session`; with `runs` every step is timed over that many inferences, after some to warm up, on the
/// inputs that are set, and the peaks of the machine are measured.
LayerProfile profile_layers(Session& session, int runs);

}  // namespace tessera
