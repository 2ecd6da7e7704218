// tessera doctor: what this machine offers, what is missing and how to get it.
#pragma once

#include <ostream>

#include "cpu/features.hpp"
#include "cpu/topology.hpp"

namespace tessera::tool {

/// Looks at this machine and reports, as a table for people or as JSON.
void run_doctor(bool json, std::ostream& out);

/// The same report on given facts.
void report_machine(const CpuFeatures& features, const Topology& topology, bool json, std::ostream& out);

}  // namespace tessera::tool
