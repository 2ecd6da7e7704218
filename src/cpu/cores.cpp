#include "cpu/cores.hpp"

#include <algorithm>

#include "cpu/hwloc_topology.hpp"

namespace tessera {
namespace {

std::vector<Core> every_cpu_a_core(const std::vector<int>& allowed) {
  std::vector<Core> cores;
  cores.reserve(allowed.size());
  for (const int cpu : allowed) cores.push_back({.cpus = {cpu}});
  return cores;
}

std::vector<int> members(hwloc_const_bitmap_t set) {
  std::vector<int> numbers;
  for (int number = hwloc_bitmap_first(set); number >= 0; number = hwloc_bitmap_next(set, number))
    numbers.push_back(number);
  return numbers;
}

int package_of(hwloc_topology_t topology, hwloc_obj_t core) {
  const hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, core);
  return package != nullptr ? static_cast<int>(package->logical_index) : 0;
}

/// hwloc ranks kinds by what they can do, the weakest first; where it cannot tell, all are alike to us.
int kind_of(hwloc_topology_t topology, hwloc_const_bitmap_t cpus) {
  const int kind = hwloc_cpukinds_get_by_cpuset(topology, cpus, 0);
  int efficiency = -1;
  if (kind < 0 ||
      hwloc_cpukinds_get_info(topology, static_cast<unsigned>(kind), nullptr, &efficiency, nullptr, nullptr, 0) != 0)
    return 0;
  return std::max(0, efficiency);
}

}  // namespace

std::vector<Core> read_cores(const std::vector<int>& allowed, const char* description) {
  const std::shared_ptr<hwloc_topology> topology = hwloc_topology_of(description);
  const HwlocSet rest(hwloc_bitmap_alloc()), inside(hwloc_bitmap_alloc());
  if (topology == nullptr || rest == nullptr || inside == nullptr) return every_cpu_a_core(allowed);
  for (const int cpu : allowed) hwloc_bitmap_set(rest.get(), static_cast<unsigned>(cpu));
  std::vector<Core> cores;
  for (hwloc_obj_t core = nullptr;
       (core = hwloc_get_next_obj_by_type(topology.get(), HWLOC_OBJ_CORE, core)) != nullptr;) {
    hwloc_bitmap_and(inside.get(), core->cpuset, rest.get());
    if (hwloc_bitmap_iszero(inside.get())) continue;
    const int node = hwloc_bitmap_first(core->nodeset);
    cores.push_back({members(inside.get()), std::max(0, node), package_of(topology.get(), core),
                     kind_of(topology.get(), inside.get())});
    hwloc_bitmap_andnot(rest.get(), rest.get(), core->cpuset);
  }
  for (Core& core : every_cpu_a_core(members(rest.get()))) cores.push_back(std::move(core));
  return cores;
}

}  // namespace tessera
