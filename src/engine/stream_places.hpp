// How many streams a session has, of how many threads, and on which CPUs.
#pragma once

#include <vector>

#include "cpu/cores.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

struct StreamPlaces {
  int threads = 1;                     ///< of each stream
  std::vector<std::vector<int>> cpus;  ///< of each stream: where to pin its threads; empty: nowhere
};

/// What the options ask for on these cores. `quota_cpus`: of the control group, 0: none. Pure. Error{invalid} for a CPU
/// or a NUMA node that this process may not use.
StreamPlaces place_streams(const SessionOptions& options, const std::vector<Core>& cores, double quota_cpus);

}  // namespace tessera
