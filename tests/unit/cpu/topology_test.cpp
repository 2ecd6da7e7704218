#include "cpu/topology.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "cpu/affinity.hpp"
#include "cpu/hwloc_layout.hpp"

namespace tessera {
namespace {

Topology with(std::vector<int> one_per_core, double quota) {
  Topology topology;
  topology.allowed_cpus = topology.one_per_core = std::move(one_per_core);
  topology.quota_cpus = quota;
  return topology;
}

TEST(Topology, UsableCpusAreTheSmallerOfCoresAndQuotaRoundedDown) {
  EXPECT_EQ(with({0, 2, 4, 6}, 0.0).usable_cpus(), 4);
  EXPECT_EQ(with({0, 2, 4, 6}, 2.0).usable_cpus(), 2);
  EXPECT_EQ(with({0, 2, 4, 6}, 2.9).usable_cpus(), 2);
  EXPECT_EQ(with({0, 2, 4, 6}, 0.1).usable_cpus(), 1);
  EXPECT_EQ(with({0, 2, 4, 6}, 1.5).usable_cpus(), 1);
  EXPECT_EQ(with({0, 2, 4, 6}, 1e18).usable_cpus(), 4);
  EXPECT_EQ(with({}, 0.0).usable_cpus(), 1);
}

constexpr const char* two_sockets_smt =
    "NUMANode:2 L3Cache:1(size=16777216) L2Cache:2(size=1048576) L1dCache:1(size=49152) Core:1 "
    "PU:2(indexes=0,4,1,5,2,6,3,7)";

TEST(Topology, OneCpuForEachPhysicalCore) {
  Topology topology;
  topology.allowed_cpus = {0, 1, 2, 3, 4, 5, 6, 7};
  ASSERT_TRUE(read_hwloc_layout(topology, two_sockets_smt));
  EXPECT_EQ(topology.one_per_core, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(topology.numa_nodes, 2);
  EXPECT_EQ(topology.l1d_bytes, 48u * 1024);
  EXPECT_EQ(topology.l2_bytes, 1024u * 1024);
  EXPECT_EQ(topology.l3_bytes, 16u * 1024 * 1024);
}

TEST(Topology, OnlyCoresInTheMaskCount) {
  Topology topology;
  topology.allowed_cpus = {3, 5, 7};  // the second threads of cores 1 and 3, and the first of core 3
  ASSERT_TRUE(read_hwloc_layout(topology, two_sockets_smt));
  EXPECT_EQ(topology.one_per_core, (std::vector<int>{5, 3}));
  topology.allowed_cpus = {4};
  ASSERT_TRUE(read_hwloc_layout(topology, two_sockets_smt));
  EXPECT_EQ(topology.one_per_core, (std::vector<int>{4}));
  EXPECT_EQ(topology.numa_nodes, 1);
}

TEST(Topology, ACacheSharedByCoresCountsByItsShare) {
  Topology topology;
  topology.allowed_cpus = {0, 1, 2, 3};
  ASSERT_TRUE(read_hwloc_layout(topology, "L3Cache:1(size=8388608) L2Cache:1(size=4194304) Core:4 PU:1"));
  EXPECT_EQ(topology.l2_bytes, 1024u * 1024);
  EXPECT_EQ(topology.l3_bytes, 8u * 1024 * 1024);
  EXPECT_EQ(topology.l3_per_core_bytes, 2u * 1024 * 1024);
}

TEST(Topology, CpusThatHwlocDoesNotKnowAreCoresOfTheirOwn) {
  Topology topology;
  topology.allowed_cpus = {0, 1, 8, 9};
  ASSERT_TRUE(read_hwloc_layout(topology, "Core:2 PU:1"));
  EXPECT_EQ(topology.one_per_core, (std::vector<int>{0, 1, 8, 9}));
}

TEST(Topology, AnUnreadableLayoutLeavesEverythingAsItWas) {
  Topology topology = with({3}, 0.0);
  EXPECT_FALSE(read_hwloc_layout(topology, "no such thing"));
  EXPECT_EQ(topology.one_per_core, (std::vector<int>{3}));
  EXPECT_EQ(topology.l2_bytes, Topology{}.l2_bytes);
}

TEST(Topology, ThisMachine) {
  const std::vector<int> before = affinity_mask();
  const Topology topology = detect_topology();
  EXPECT_EQ(affinity_mask(), before) << "detection changed the thread's affinity";
  EXPECT_EQ(topology.allowed_cpus, before);
  ASSERT_FALSE(topology.one_per_core.empty());
  EXPECT_LE(topology.one_per_core.size(), topology.allowed_cpus.size());
  for (const int cpu : topology.one_per_core)
    EXPECT_TRUE(std::ranges::binary_search(topology.allowed_cpus, cpu)) << cpu;
  EXPECT_GE(topology.l1d_bytes, 8u * 1024);
  EXPECT_GE(topology.l2_bytes, topology.l1d_bytes);
  EXPECT_GE(topology.usable_cpus(), 1);
  EXPECT_FALSE(topology.kernel.empty());
}

TEST(Topology, ANarrowedMaskIsSeen) {
  std::thread([] {
    const int only = affinity_mask().back();
    ASSERT_TRUE(pin_to(only));
    const Topology topology = detect_topology();
    EXPECT_EQ(topology.allowed_cpus, (std::vector<int>{only}));
    EXPECT_EQ(topology.one_per_core, (std::vector<int>{only}));
    EXPECT_EQ(topology.usable_cpus(), 1);
  }).join();
}

TEST(Affinity, MovingLeavesTheMaskAlone) {
  std::thread([] {
    const std::vector<int> mask = affinity_mask();
    ASSERT_FALSE(mask.empty());
    for (const int cpu : mask) EXPECT_TRUE(move_to(cpu));
    EXPECT_EQ(affinity_mask(), mask);
    ASSERT_TRUE(pin_to(mask.front()));
    EXPECT_FALSE(move_to(mask.front() + 1)) << "left its mask";
    EXPECT_FALSE(move_to(-1));
    EXPECT_EQ(affinity_mask(), (std::vector<int>{mask.front()}));
  }).join();
}

}  // namespace
}  // namespace tessera
