// The steps of a plan as JSON: of `explain --json`, and of a report whose cases were profiled.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "compare/layer_profile.hpp"

namespace tessera {

/// [{node, op, kernel, isa, precision, gflop, bytes, runs, reads, why}]; where times are known also ms, peak_fraction
/// and reason.
nlohmann::ordered_json steps_json(const LayerProfile& profile);

/// {threads, runs, ms, peak, bandwidth_gbps, steps}.
nlohmann::ordered_json profile_json(const LayerProfile& profile);

}  // namespace tessera
