// Which cores each of several instances of a program gets. A pure function of the machine and of what was asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cpu/cores.hpp"

namespace tessera {

/// What instances are for, where their number or size is not given.
enum class LaunchGoal {
  none,       ///< one instance on all cores
  latency,    ///< the shortest time per request: one instance for each NUMA node, with all of its cores
  throughput  ///< the most requests per second: one instance for each core
};

struct PlacementRequest {
  std::optional<int> instances = {}, cores_per_instance = {};
  LaunchGoal goal = LaunchGoal::none;
  bool chosen_cpus = false;  ///< the cores are those a person listed: all kinds of a hybrid CPU count
  double quota_cpus = 0;     ///< of the control group; 0: none
};

struct InstancePlace {
  std::vector<int> cpus;   ///< one hardware thread of each of its cores
  std::vector<int> nodes;  ///< the NUMA nodes of these, ascending
};

struct Placement {
  std::vector<InstancePlace> instances;
  std::vector<std::string> notes;  ///< what a person should know: cores left idle, a quota, instances across nodes
};

/// Instances never share a core, and lie within one NUMA node wherever one has enough cores. Error{invalid} when more
/// cores are asked for than there are.
Placement place_instances(const std::vector<Core>& cores, const PlacementRequest& request);

}  // namespace tessera
