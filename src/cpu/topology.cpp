#include "cpu/topology.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>
#include <thread>

#include "cpu/affinity.hpp"
#include "cpu/hwloc_layout.hpp"

namespace tessera {
namespace {

std::string read_text(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string kernel_name() {
  utsname names{};
  if (uname(&names) != 0) return "unknown";
  return std::string(names.sysname) + " " + names.release;
}

std::vector<int> allowed_or_all_cpus() {
  std::vector<int> cpus = affinity_mask();
  if (cpus.empty()) {
    cpus.resize(std::max(1u, std::thread::hardware_concurrency()));
    std::iota(cpus.begin(), cpus.end(), 0);
  }
  return cpus;
}

void read_cache_size(int sysconf_name, std::size_t& bytes) noexcept {
  if (const long value = sysconf(sysconf_name); value > 0) bytes = static_cast<std::size_t>(value);
}

}  // namespace

int Topology::usable_cpus() const noexcept {
  const auto cores = static_cast<int>(one_per_core.empty() ? allowed_cpus.size() : one_per_core.size());
  // Compared as double first: a quota may exceed what an int holds.
  if (quota_cpus > 0.0 && quota_cpus < cores) return std::max(1, static_cast<int>(quota_cpus));
  return std::max(1, cores);
}

Topology detect_topology() {
  Topology topology;
  topology.kernel = kernel_name();
  topology.allowed_cpus = allowed_or_all_cpus();
  topology.one_per_core = topology.allowed_cpus;
  // The C library knows cache sizes from CPUID; hwloc, from /sys, knows who shares them and has the last word.
  read_cache_size(_SC_LEVEL1_DCACHE_SIZE, topology.l1d_bytes);
  read_cache_size(_SC_LEVEL2_CACHE_SIZE, topology.l2_bytes);
  read_cache_size(_SC_LEVEL3_CACHE_SIZE, topology.l3_bytes);
  topology.l3_per_core_bytes = topology.l3_bytes / std::max<std::size_t>(1, topology.allowed_cpus.size());
  read_hwloc_layout(topology);
  topology.quota_cpus = cgroup_quota("/", read_text("/proc/self/cgroup"));
  return topology;
}

std::size_t l2_bytes_of_a_core() {
  static const std::size_t bytes = detect_topology().l2_bytes;
  return bytes;
}

}  // namespace tessera
