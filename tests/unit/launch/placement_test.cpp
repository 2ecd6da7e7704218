#include "launch/placement.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "core/error.hpp"

namespace tessera {
namespace {

using Cpus = std::vector<int>;

Cpus up_to(int count) {
  Cpus cpus(static_cast<std::size_t>(count));
  std::iota(cpus.begin(), cpus.end(), 0);
  return cpus;
}

std::vector<Cpus> cpus_of(const Placement& placement) {
  std::vector<Cpus> all;
  for (const InstancePlace& place : placement.instances) all.push_back(place.cpus);
  return all;
}

/// Two sockets, each cut in two NUMA nodes of three cores (sub-NUMA clustering), two hardware threads a core that Linux
/// numbers twelve apart.
constexpr const char* snc_two_sockets =
    "Package:2 NUMANode:2 Core:3 PU:2(indexes=0,12,1,13,2,14,3,15,4,16,5,17,6,18,7,19,8,20,9,21,10,22,11,23)";
constexpr const char* no_smt = "Package:1 NUMANode:1 Core:8 PU:1";

TEST(Placement, OneInstanceTakesAThreadOfEachCore) {
  const Placement placement = place_instances(read_cores(up_to(24), snc_two_sockets), {});
  EXPECT_EQ(cpus_of(placement), (std::vector<Cpus>{up_to(12)}));
  EXPECT_EQ(placement.instances[0].nodes, (Cpus{0, 1, 2, 3}));
  EXPECT_EQ(placement.notes.size(), 1u);  // across nodes
}

TEST(Placement, LatencyIsAnInstanceForEachNode) {
  const Placement placement = place_instances(read_cores(up_to(24), snc_two_sockets), {.goal = LaunchGoal::latency});
  EXPECT_EQ(cpus_of(placement), (std::vector<Cpus>{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {9, 10, 11}}));
  EXPECT_EQ(placement.instances[3].nodes, (Cpus{3}));
  EXPECT_TRUE(placement.notes.empty());
}

TEST(Placement, ThroughputIsAnInstanceForEachCore) {
  EXPECT_EQ(place_instances(read_cores(up_to(24), snc_two_sockets), {.goal = LaunchGoal::throughput}).instances.size(),
            12u);
  EXPECT_EQ(cpus_of(place_instances(read_cores(up_to(8), no_smt), {.goal = LaunchGoal::throughput}))[7], (Cpus{7}));
}

TEST(Placement, InstancesStayWithinANode) {
  const Placement placement = place_instances(read_cores(up_to(24), snc_two_sockets), {.cores_per_instance = 2});
  EXPECT_EQ(cpus_of(placement), (std::vector<Cpus>{{0, 1}, {3, 4}, {6, 7}, {9, 10}}));
  EXPECT_EQ(placement.notes, (std::vector<std::string>{"4 cores left idle"}));
}

TEST(Placement, InstancesLargerThanANodeLieAcross) {
  const Placement placement =
      place_instances(read_cores(up_to(24), snc_two_sockets), {.instances = 2, .cores_per_instance = 6});
  EXPECT_EQ(cpus_of(placement), (std::vector<Cpus>{up_to(6), {6, 7, 8, 9, 10, 11}}));
  EXPECT_EQ(placement.instances[1].nodes, (Cpus{2, 3}));
}

TEST(Placement, CoresAreSharedOutEvenly) {
  EXPECT_EQ(cpus_of(place_instances(read_cores(up_to(8), no_smt), {.instances = 3})),
            (std::vector<Cpus>{{0, 1}, {2, 3}, {4, 5}}));
  // Eight instances of one core each fit the nodes; of the four that would be left, nobody could have a second one.
  EXPECT_EQ(place_instances(read_cores(up_to(24), snc_two_sockets), {.instances = 8}).instances[7].cpus.size(), 1u);
}

TEST(Placement, ACpusetWithHolesIsRespected) {
  // Cores 1 (by its second thread), 4 and 5 (both threads) and 9.
  const std::vector<Core> cores = read_cores({13, 4, 5, 17, 9}, snc_two_sockets);
  EXPECT_EQ(cpus_of(place_instances(cores, {.goal = LaunchGoal::latency})), (std::vector<Cpus>{{13}, {4, 5}, {9}}));
}

TEST(Placement, AQuotaIsRoundedDownToWholeCores) {
  const std::vector<Core> cores = read_cores(up_to(8), no_smt);
  for (const double quota : {0.5, 1.5}) {
    const Placement placement = place_instances(cores, {.quota_cpus = quota});
    EXPECT_EQ(cpus_of(placement), (std::vector<Cpus>{{0}})) << quota;
    ASSERT_EQ(placement.notes.size(), 1u);
    EXPECT_NE(placement.notes[0].find(quota < 1 ? "quota of 0.5 CPUs" : "quota of 1.5 CPUs"), std::string::npos);
  }
  EXPECT_EQ(place_instances(cores, {.goal = LaunchGoal::throughput, .quota_cpus = 3.0}).instances.size(), 3u);
}

/// Two fast cores of two threads and four slow ones, as hwloc tells of a hybrid CPU.
std::vector<Core> hybrid() {
  return {{{0, 1}, 0, 0, 1}, {{2, 3}, 0, 0, 1}, {{4}, 0, 0, 0}, {{5}, 0, 0, 0}, {{6}, 0, 0, 0}, {{7}, 0, 0, 0}};
}

TEST(Placement, SlowCoresOfAHybridCpuAreUsedOnlyWhenNamed) {
  const Placement placement = place_instances(hybrid(), {});
  EXPECT_EQ(cpus_of(placement), (std::vector<Cpus>{{0, 2}}));
  EXPECT_EQ(
      placement.notes,
      (std::vector<std::string>{"4 slower cores of this hybrid CPU not used: name them with --cpus to use them"}));
  EXPECT_EQ(cpus_of(place_instances(hybrid(), {.chosen_cpus = true})), (std::vector<Cpus>{{0, 2, 4, 5, 6, 7}}));
}

TEST(Placement, MoreThanThereIsIsRefused) {
  const std::vector<Core> cores = read_cores(up_to(8), no_smt);
  EXPECT_THROW(place_instances(cores, {.instances = 9}), Error);
  EXPECT_THROW(place_instances(cores, {.instances = 3, .cores_per_instance = 3}), Error);
  EXPECT_THROW(place_instances(cores, {.cores_per_instance = 9}), Error);
  EXPECT_THROW(place_instances(cores, {.instances = 0}), Error);
  EXPECT_THROW(place_instances({}, {}), Error);
}

TEST(Cores, KnowTheirNodePackageAndThreads) {
  const std::vector<Core> cores = read_cores(up_to(24), snc_two_sockets);
  ASSERT_EQ(cores.size(), 12u);
  EXPECT_EQ(cores[4].cpus, (Cpus{4, 16}));
  EXPECT_EQ(cores[4].node, 1);
  EXPECT_EQ(cores[4].package, 0);
  EXPECT_EQ(cores[11].package, 1);
  EXPECT_EQ(read_cores({0, 1}, "no such machine").size(), 2u);
}

TEST(CpuList, ReadsAndWritesRanges) {
  EXPECT_EQ(parse_cpu_list("8,0-2,2", "--cpus"), (Cpus{0, 1, 2, 8}));
  EXPECT_EQ(cpu_list({8, 2, 1, 0, 10, 11}), "0-2,8,10-11");
  for (const char* wrong : {"", "a", "3-1", "-1", "1-", "0,,2", "9999", "0x1"})
    EXPECT_THROW(parse_cpu_list(wrong, "--cpus"), Error) << wrong;
}

}  // namespace
}  // namespace tessera
