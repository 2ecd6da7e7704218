// All cases of one point side by side on the clock.
#pragma once

#include <vector>

#include "compare/candidate.hpp"

namespace tessera {

/// Fills in what was measured of every row whose session runs, at the inputs that are set.
void measure_speed(const ComparisonOptions& options, const ComparisonEvents& events, const ComparedPoint& point,
                   std::vector<Candidate>& candidates, PointReport& report);

}  // namespace tessera
