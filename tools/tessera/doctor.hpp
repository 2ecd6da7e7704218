// tessera doctor: what this machine offers, what is missing and how to get it.
#pragma once

#include <ostream>
#include <vector>

#include "compile/choose/machine.hpp"
#include "cpu/features.hpp"
#include "cpu/topology.hpp"

namespace tessera::tool {

/// The constants of the plan for one tier: those it goes by, and those of this machine.
struct MeasuredTier {
  Isa isa = Isa::avx2;
  MachineConstants usual, measured;
};

/// Looks at this machine and reports, as a table for people or as JSON; with `measure`, times it too, on every tier
/// that runs here.
void run_doctor(bool json, bool measure, std::ostream& out);

/// The same report on given facts.
void report_machine(const CpuFeatures& features, const Topology& topology, const std::vector<MeasuredTier>& tiers,
                    bool json, std::ostream& out);

}  // namespace tessera::tool
