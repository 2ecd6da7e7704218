// What this machine offers, what is missing and how to get it: the facts behind `tessera doctor`, as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "cpu/features.hpp"
#include "cpu/topology.hpp"

namespace tessera {

/// The best tier there is; nothing where not even avx2 is: such a machine is still worth a report.
std::optional<Isa> best_tier(const CpuFeatures& features);

nlohmann::ordered_json doctor_json(const CpuFeatures& features, const Topology& topology);

}  // namespace tessera
