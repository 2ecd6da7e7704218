// The outputs of all cases at one point beside those of FP32: what each costs in accuracy.
#pragma once

#include <vector>

#include "compare/candidate.hpp"

namespace tessera {

/// Fills in the accuracy of every row whose session runs, and what the report says of it. The sessions end with the
/// inputs of the point set.
void check_accuracy(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events,
                    const ComparedPoint& point, std::vector<Candidate>& candidates, PointReport& report);

}  // namespace tessera
