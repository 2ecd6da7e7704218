#include "cpu/hwloc_topology.hpp"

#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string_view>

namespace tessera {
namespace {

/// Without these files hwloc knows nothing worth having, and says so on stderr; a library has no business there.
bool linux_shows_cpu_topology() {
  return access("/sys/devices/system/cpu/cpu0/topology", R_OK) == 0 ||
         access("/sys/bus/cpu/devices/cpu0/topology", R_OK) == 0;
}

bool use_description(hwloc_topology_t topology, const char* description) {
  if (std::string_view(description).ends_with(".xml")) return hwloc_topology_set_xml(topology, description) == 0;
  return hwloc_topology_set_synthetic(topology, description) == 0;
}

/// Memory that a read takes, with room to spare: hwloc takes what malloc gives without a look.
bool has_memory_for_hwloc() {
  constexpr std::size_t bytes = std::size_t{4} << 20;
  void* const memory = std::malloc(bytes);
  std::free(memory);
  return memory != nullptr;
}

}  // namespace

HwlocTopology load_hwloc_topology(const char* description) {
  if (description == nullptr && !linux_shows_cpu_topology()) return nullptr;
  if (!has_memory_for_hwloc()) return nullptr;
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return nullptr;
  HwlocTopology topology(raw);
  // The x86 component moves the calling thread from CPU to CPU to ask each for its CPUID: an intrusion here, and a hang
  // where a CPU cannot be bound to. What Linux's own files say is enough.
  hwloc_topology_set_components(raw, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
  hwloc_topology_set_all_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_NONE);
  for (const auto type : {HWLOC_OBJ_PACKAGE, HWLOC_OBJ_CORE, HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE}) {
    hwloc_topology_set_type_filter(raw, type, HWLOC_TYPE_FILTER_KEEP_ALL);
  }
  // Groups stand between a package and its NUMA nodes (sub-NUMA clustering): without them each core is near all nodes.
  hwloc_topology_set_type_filter(raw, HWLOC_OBJ_GROUP, HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
  hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
  if (description != nullptr && !use_description(raw, description)) return nullptr;
  if (hwloc_topology_load(raw) != 0) return nullptr;
  return topology;
}

std::shared_ptr<hwloc_topology> this_machine_topology() {
  static std::mutex mutex;
  static std::shared_ptr<hwloc_topology> topology;
  const std::lock_guard lock(mutex);
  if (topology == nullptr) topology = load_hwloc_topology(nullptr);  // again where it failed
  return topology;
}

std::shared_ptr<hwloc_topology> hwloc_topology_of(const char* description) {
  return description == nullptr ? this_machine_topology() : load_hwloc_topology(description);
}

}  // namespace tessera
