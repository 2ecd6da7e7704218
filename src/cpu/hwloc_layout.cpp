#include "cpu/hwloc_layout.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "cpu/hwloc_topology.hpp"

namespace tessera {
namespace {

/// One CPU of each core; a CPU that hwloc puts in no core counts as a core of its own.
std::vector<int> one_cpu_per_core(hwloc_topology_t layout, hwloc_const_bitmap_t allowed) {
  std::vector<int> cpus;
  const HwlocSet rest(hwloc_bitmap_dup(allowed)), inside(hwloc_bitmap_alloc());
  if (rest == nullptr || inside == nullptr) return cpus;
  for (hwloc_obj_t core = nullptr; (core = hwloc_get_next_obj_by_type(layout, HWLOC_OBJ_CORE, core)) != nullptr;) {
    hwloc_bitmap_and(inside.get(), core->cpuset, allowed);
    if (const int first = hwloc_bitmap_first(inside.get()); first >= 0) cpus.push_back(first);
    hwloc_bitmap_andnot(rest.get(), rest.get(), core->cpuset);
  }
  for (int cpu = hwloc_bitmap_first(rest.get()); cpu >= 0; cpu = hwloc_bitmap_next(rest.get(), cpu))
    cpus.push_back(cpu);
  return cpus;
}

/// Of the caches that serve `allowed`, the smallest share of one core: the size that a block must fit wherever it runs.
std::optional<std::size_t> cache_per_core(hwloc_topology_t layout, hwloc_obj_type_t type,
                                          hwloc_const_bitmap_t allowed) {
  std::optional<std::size_t> smallest;
  for (hwloc_obj_t cache = nullptr; (cache = hwloc_get_next_obj_by_type(layout, type, cache)) != nullptr;) {
    if (cache->attr->cache.size == 0 || !hwloc_bitmap_intersects(cache->cpuset, allowed)) continue;
    const int cores = hwloc_get_nbobjs_inside_cpuset_by_type(layout, cache->cpuset, HWLOC_OBJ_CORE);
    const std::size_t share = cache->attr->cache.size / static_cast<std::size_t>(std::max(1, cores));
    smallest = std::min(smallest.value_or(share), share);
  }
  return smallest;
}

std::optional<std::size_t> largest_cache(hwloc_topology_t layout, hwloc_obj_type_t type, hwloc_const_bitmap_t allowed) {
  std::optional<std::size_t> largest;
  for (hwloc_obj_t cache = nullptr; (cache = hwloc_get_next_obj_by_type(layout, type, cache)) != nullptr;) {
    if (cache->attr->cache.size == 0 || !hwloc_bitmap_intersects(cache->cpuset, allowed)) continue;
    largest = std::max<std::size_t>(largest.value_or(0), cache->attr->cache.size);
  }
  return largest;
}

int count_numa_nodes(hwloc_topology_t layout, hwloc_const_bitmap_t allowed) {
  int nodes = 0;
  for (hwloc_obj_t node = nullptr; (node = hwloc_get_next_obj_by_type(layout, HWLOC_OBJ_NUMANODE, node)) != nullptr;) {
    if (hwloc_bitmap_intersects(node->cpuset, allowed)) ++nodes;
  }
  return std::max(1, nodes);
}

}  // namespace

bool read_hwloc_layout(Topology& topology, const char* synthetic) {
  const std::shared_ptr<hwloc_topology> layout = hwloc_topology_of(synthetic);
  const HwlocSet allowed(hwloc_bitmap_alloc());
  if (layout == nullptr || allowed == nullptr) return false;
  for (const int cpu : topology.allowed_cpus) hwloc_bitmap_set(allowed.get(), static_cast<unsigned>(cpu));

  std::vector<int> cores = one_cpu_per_core(layout.get(), allowed.get());
  if (cores.empty()) return false;
  topology.one_per_core = std::move(cores);
  topology.numa_nodes = count_numa_nodes(layout.get(), allowed.get());
  if (const auto size = cache_per_core(layout.get(), HWLOC_OBJ_L1CACHE, allowed.get())) topology.l1d_bytes = *size;
  if (const auto size = cache_per_core(layout.get(), HWLOC_OBJ_L2CACHE, allowed.get())) topology.l2_bytes = *size;
  if (const auto size = largest_cache(layout.get(), HWLOC_OBJ_L3CACHE, allowed.get())) topology.l3_bytes = *size;
  if (const auto size = cache_per_core(layout.get(), HWLOC_OBJ_L3CACHE, allowed.get()))
    topology.l3_per_core_bytes = *size;
  return true;
}

}  // namespace tessera
