// Detection on the machine that runs the tests, against what the kernel says of the same CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "cpu/amx_probe.hpp"
#include "cpu/features.hpp"

namespace tessera {
namespace {

/// What the first line of /proc/cpuinfo that begins with `key` says.
std::string cpuinfo(const std::string& key) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return line.substr(line.find(':') + 2);
  }
  return {};
}

/// The compiler's run time reads CPUID and XCR0 by itself and says yes only where both do.
TEST(Detect, AgreesWithTheCompilersRunTime) {
  const CpuFeatures& f = cpu_features();
  EXPECT_EQ(f.avx2 && f.os_ymm, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(f.fma && f.os_ymm, __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(f.bmi2, __builtin_cpu_supports("bmi2") != 0);
  EXPECT_EQ(f.avx512f && f.os_zmm, __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(f.avx512bw && f.os_zmm, __builtin_cpu_supports("avx512bw") != 0);
  EXPECT_EQ(f.avx512vl && f.os_zmm, __builtin_cpu_supports("avx512vl") != 0);
  EXPECT_EQ(f.avx512dq && f.os_zmm, __builtin_cpu_supports("avx512dq") != 0);
  EXPECT_EQ(f.avx512_vnni && f.os_zmm, __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_EQ(f.avx512_bf16 && f.os_zmm, __builtin_cpu_supports("avx512bf16") != 0);
}

TEST(Detect, EveryFlagThatLinuxListsIsFound) {
  if (cpuinfo("model name") != cpu_features().brand) GTEST_SKIP() << "/proc/cpuinfo does not describe this CPU";
  std::istringstream words(cpuinfo("flags"));
  const std::set<std::string> flags{std::istream_iterator<std::string>(words), {}};
  const auto names = feature_names(cpu_features());
  for (const char* name : {"avx2", "fma", "f16c", "bmi2", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512dq",
                           "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"}) {
    // Linux hides a flag whose state it does not save, so CPUID may know more, never less.
    EXPECT_TRUE(!flags.contains(name) || std::ranges::find(names, name) != names.end()) << name;
  }
  EXPECT_TRUE(!flags.contains("amx_tile") || cpu_features().os_tiles);
}

TEST(Detect, BrandIsCleanText) {
  const std::string& brand = cpu_features().brand;
  ASSERT_FALSE(brand.empty());
  EXPECT_TRUE(std::ranges::all_of(brand, [](char c) { return c >= ' ' && c <= '~'; })) << brand;
  EXPECT_NE(brand.front(), ' ');
  EXPECT_NE(brand.back(), ' ');
}

TEST(Detect, PermissionPaletteAndTrialComeInOrder) {
  const CpuFeatures& f = cpu_features();
  EXPECT_TRUE(!f.amx_trial || f.amx_permission);
  const bool everything_else = f.amx_palette && f.os_tiles && f.amx_tile && f.amx_int8 && f.amx_bf16;
  EXPECT_TRUE(!f.amx_permission || everything_else);
  EXPECT_TRUE(f.amx_permission_error.empty() || !f.amx_permission);
}

TEST(Detect, TheKernelIsNotAskedForAmxUnlessEverythingElseSaysYes) {
  CpuFeatures amx;
  amx.amx_tile = amx.amx_int8 = amx.amx_bf16 = amx.os_tiles = amx.amx_palette = true;
  for (bool CpuFeatures::*missing : {&CpuFeatures::amx_tile, &CpuFeatures::amx_int8, &CpuFeatures::amx_bf16,
                                     &CpuFeatures::os_tiles, &CpuFeatures::amx_palette}) {
    CpuFeatures features = amx;
    features.*missing = false;
    probe_amx(features);
    EXPECT_FALSE(features.amx_permission);
    EXPECT_EQ(features.amx_permission_error, "");
    EXPECT_FALSE(features.amx_trial);
  }
}

TEST(Detect, AProbeWhoseFactsAreWrongEndsInARefusalNotACrash) {
  CpuFeatures features;
  features.amx_tile = features.amx_int8 = features.amx_bf16 = features.os_tiles = features.amx_palette = true;
  probe_amx(features);
  EXPECT_EQ(features.amx_trial, cpu_features().amx_trial);
  EXPECT_NE(features.amx_permission, !features.amx_permission_error.empty());
}

}  // namespace
}  // namespace tessera
