// How many CPUs this process may really use: affinity mask, cgroup quota and physical cores, never index arithmetic.
#pragma once

#include <string>
#include <vector>

namespace tessera {

struct Topology {
  std::vector<int> allowed_cpus;  ///< OS indices in the affinity mask
  std::vector<int> one_per_core;  ///< one allowed CPU for each physical core, in topology order
  double quota_cpus = 0.0;        ///< cgroup v1/v2 CPU quota in CPUs; 0: none
  int numa_nodes = 1;
  std::size_t l1d_bytes = 32 * 1024;  ///< per core; the defaults stand where the system does not say
  std::size_t l2_bytes = 512 * 1024;
  std::size_t l3_bytes = 0;
  std::size_t l3_per_core_bytes = 0;  ///< one core's share of it
  std::string kernel;                 ///< "Linux 6.1.0"

  /// min(physical cores in the mask, floor(quota)), at least 1: a thread that the quota stops half of the time keeps
  /// the others waiting.
  [[nodiscard]] int usable_cpus() const noexcept;
};

/// Reads hwloc, sched_getaffinity and the cgroup files; every part that cannot be read keeps its default.
Topology detect_topology();

/// l2_bytes of detect_topology(), as it was when this was called first.
std::size_t l2_bytes_of_a_core();

/// The quota in CPUs that the cgroup files below `root` ("/" in production) give the process whose /proc/self/cgroup
/// text is given.
double cgroup_quota(const std::string& root, const std::string& self_cgroup);

}  // namespace tessera
