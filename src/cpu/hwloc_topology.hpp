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

/// Packages, cores, NUMA nodes and caches of this machine, or of the one described: words of hwloc's synthetic
/// topologies, or a path that ends in .xml. Null where there is nothing to read.
HwlocTopology load_hwloc_topology(const char* description = nullptr);

}  // namespace tessera
