// Quotas in made-up cgroup file systems of both versions.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "cpu/topology.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

class CgroupQuota : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tessera-cgroup-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) {
    const fs::path path = root_ / "sys/fs/cgroup" / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void write_v1(const std::string& group, const std::string& quota) {
    write(group + "/cpu.cfs_quota_us", quota + "\n");
    write(group + "/cpu.cfs_period_us", "100000\n");
  }
  [[nodiscard]] double quota(const std::string& self_cgroup) const { return cgroup_quota(root_.string(), self_cgroup); }

 private:
  fs::path root_;
};

TEST_F(CgroupQuota, NoCgroupFilesMeanNoQuota) {
  EXPECT_EQ(quota(""), 0.0);
  EXPECT_EQ(quota("0::/\n"), 0.0);
  EXPECT_EQ(quota("3:cpu,cpuacct:/docker/abc\n"), 0.0);
}

TEST_F(CgroupQuota, V2QuotaOfTheOwnGroup) {
  write("user.slice/job.scope/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota("0::/user.slice/job.scope\n"), 1.5);
}

TEST_F(CgroupQuota, V2MaxMeansNoQuota) {
  write("job/cpu.max", "max 100000\n");
  EXPECT_EQ(quota("0::/job\n"), 0.0);
}

TEST_F(CgroupQuota, V2NestedGroupsGiveTheMinimum) {
  write("a/cpu.max", "200000 100000\n");
  write("a/b/cpu.max", "400000 100000\n");
  write("a/b/c/cpu.max", "max 100000\n");
  EXPECT_EQ(quota("0::/a/b/c\n"), 2.0);
  write("a/b/c/cpu.max", "25000 50000\n");
  EXPECT_EQ(quota("0::/a/b/c\n"), 0.5);
  EXPECT_EQ(quota("0::/a/b\n"), 2.0);
}

TEST_F(CgroupQuota, V2GroupsWithoutTheControllerDoNotHideTheParents) {
  write("a/cpu.max", "300000 100000\n");
  write("a/b/pids.max", "10\n");
  EXPECT_EQ(quota("0::/a/b\n"), 3.0);
}

TEST_F(CgroupQuota, V2InsideAContainerTheMountsRootCounts) {
  write("cpu.max", "400000 100000\n");
  EXPECT_EQ(quota("0::/\n"), 4.0);
  EXPECT_EQ(quota("0::/system.slice/docker-0123.scope\n"), 4.0);  // the host's path, which is not mounted here
}

TEST_F(CgroupQuota, APathOutOfTheNamespaceDoesNotLeaveTheMount) {
  write("cpu.max", "400000 100000\n");
  write("../cpu.max", "100000 100000\n");
  EXPECT_EQ(quota("0::/../other\n"), 4.0);
}

TEST_F(CgroupQuota, V1QuotaOfTheOwnGroup) {
  write_v1("cpu,cpuacct/docker/abc", "250000");
  EXPECT_EQ(quota("12:pids:/x\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n"), 2.5);
}

TEST_F(CgroupQuota, V1MinusOneMeansNoQuota) {
  write_v1("cpu", "-1");
  EXPECT_EQ(quota("1:cpu:/\n"), 0.0);
}

TEST_F(CgroupQuota, V1NestedGroupsGiveTheMinimum) {
  write_v1("cpu", "-1");
  write_v1("cpu/pod", "300000");
  write_v1("cpu/pod/container", "800000");
  EXPECT_EQ(quota("4:cpu:/pod/container\n"), 3.0);
}

TEST_F(CgroupQuota, V1MountUnderTheSymlinkNameOnly) {
  write_v1("cpu/job", "100000");
  EXPECT_EQ(quota("4:cpu,cpuacct:/job\n"), 1.0);
}

TEST_F(CgroupQuota, OtherControllersWhoseNamesBeginAlikeAreNotCpu) {
  write_v1("cpuset/job", "100000");
  EXPECT_EQ(quota("3:cpuset:/job\n2:cpuacct:/job\n"), 0.0);
}

TEST_F(CgroupQuota, HybridTakesTheSmallerOfBothVersions) {
  write_v1("cpu/job", "300000");
  write("unified/job/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota("4:cpu:/job\n0::/job\n"), 2.0);
}

TEST_F(CgroupQuota, AColonInThePathIsPartOfIt) {
  write("a:b/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota("0::/a:b\n"), 1.0);
}

TEST_F(CgroupQuota, UnreadableNumbersAreNoQuota) {
  for (const char* text : {"", "100000", "abc 100000", "100000 0", "0 100000", "-5 100000", "1e5 100000"}) {
    write("cpu.max", text);
    EXPECT_EQ(quota("0::/\n"), 0.0) << text;
  }
}

}  // namespace
}  // namespace tessera
