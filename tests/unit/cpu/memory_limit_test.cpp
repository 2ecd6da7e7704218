// Memory limits in made-up control group file systems of both versions.
#include "cpu/memory_limit.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/error.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

class MemoryLimit : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tessera-memory-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    write("proc/meminfo",
          "MemTotal: 8192 kB\nMemFree: 100 kB\nMemAvailable: 4096 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  void write_v2(const std::string& group, std::uint64_t limit, std::uint64_t used, std::uint64_t cached) const {
    const std::string at = "sys/fs/cgroup/" + group;
    write(at + "/memory.max", std::to_string(limit) + "\n");
    write(at + "/memory.current", std::to_string(used) + "\n");
    write(at + "/memory.stat", "anon 5\nfile 7\ninactive_file " + std::to_string(cached) + "\nactive_file 9\n");
  }
  [[nodiscard]] MemoryLimits limits(const std::string& self_cgroup) const {
    return memory_limits(root_.string(), self_cgroup);
  }

  fs::path root_;
};

TEST_F(MemoryLimit, WithoutGroupsTheMachineDecides) {
  const MemoryLimits found = limits("");
  EXPECT_EQ(found.total, 8 * mib);
  EXPECT_EQ(found.available, 4 * mib);
  EXPECT_FALSE(found.group_limit.has_value());
  EXPECT_EQ(found.left(), 4 * mib);
}

TEST_F(MemoryLimit, TheTightestGroupOnThePathBinds) {
  write("sys/fs/cgroup/memory.max", "max\n");
  write_v2("pod", 3 * mib, 2 * mib, mib);    // 2 MiB left: cached files are given back
  write_v2("pod/box", 5 * mib, 4 * mib, 0);  // 1 MiB left
  const MemoryLimits found = limits("0::/pod/box\n");
  EXPECT_EQ(found.group_limit, 3 * mib);
  EXPECT_EQ(found.group_left, 1 * mib);
  EXPECT_EQ(found.left(), 1 * mib);
}

TEST_F(MemoryLimit, VersionOneAndItsWordForNoLimit) {
  const std::string at = "sys/fs/cgroup/memory/box/";
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write(at + "memory.limit_in_bytes", std::to_string(2 * mib) + "\n");
  write(at + "memory.usage_in_bytes", std::to_string(mib) + "\n");
  write(at + "memory.stat", "inactive_file 0\ntotal_inactive_file " + std::to_string(mib / 2) + "\n");
  const MemoryLimits found = limits("5:cpu,cpuacct:/\n4:memory:/box\n");
  EXPECT_EQ(found.group_limit, 2 * mib);
  EXPECT_EQ(found.group_left, 3 * mib / 2);
  EXPECT_FALSE(limits("4:memory:/\n").group_limit.has_value());
}

TEST_F(MemoryLimit, DamagedFilesMeanNoLimit) {
  write("sys/fs/cgroup/memory.max", "\n");
  write("proc/meminfo", "MemAvailable: many kB\n");
  EXPECT_FALSE(limits("0::/\n").left().has_value());
}

TEST(RequireMemory, MoreThanThereIsNamesWhatWantsIt) {
  EXPECT_NO_THROW(require_memory(mib, "x"));
  try {
    require_memory(std::uint64_t{1} << 45, "input image of shape [2, 3]");
    FAIL() << "32 TiB were let through";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_EQ(error.subject(), "input image of shape [2, 3]");
    EXPECT_NE(error.why().find("33554432 MiB"), std::string::npos) << error.why();
  }
}

}  // namespace
}  // namespace tessera
