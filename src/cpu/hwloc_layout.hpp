// What hwloc knows of cores, NUMA nodes and caches, in the terms of Topology.
#pragma once

#include "cpu/topology.hpp"

namespace tessera {

/// Fills one_per_core, numa_nodes and the cache sizes for the CPUs in topology.allowed_cpus. False, with everything
/// left as it was, where hwloc cannot read this machine. `synthetic` describes a made-up machine in hwloc's words
/// instead.
bool read_hwloc_layout(Topology& topology, const char* synthetic = nullptr);

}  // namespace tessera
