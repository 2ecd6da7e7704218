// A loaded hwloc topology, and the sets that go with it, released by themselves.
#pragma once

#include <hwloc.h>

#include <memory>

namespace tessera {

struct HwlocDestroy {
  void operator()(hwloc_topology* topology) const noexcept { hwloc_topology_destroy(topology); }
  void operator()(hwloc_bitmap_s* bitmap) const noexcept { hwloc_bitmap_free(bitmap); }
};
using HwlocTopology = std::unique_ptr<hwloc_topology, HwlocDestroy>;
using HwlocSet = std::unique_ptr<hwloc_bitmap_s, HwlocDestroy>;

/// Packages, cores, NUMA nodes and caches of the machine described: words of hwloc's synthetic topologies, or a path
/// that ends in .xml. Null where there is nothing to read.
HwlocTopology load_hwloc_topology(const char* description);

/// The same of this machine, read once: what cannot change while the program runs. hwloc does not survive a failed
/// allocation, so it is not asked where memory has run out already. Null where there is nothing to read.
std::shared_ptr<hwloc_topology> this_machine_topology();

/// The one described, or this machine's for null.
std::shared_ptr<hwloc_topology> hwloc_topology_of(const char* description);

}  // namespace tessera
