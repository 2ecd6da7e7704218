// The CPU quota of control groups.
#include <algorithm>
#include <limits>

#include "cpu/cgroup_files.hpp"
#include "cpu/topology.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr double no_limit = std::numeric_limits<double>::infinity();

/// Words such as "max" and "-1" mean no limit, and so does anything we cannot read.
double limit_of(std::string_view quota_text, std::string_view period_text) {
  const auto quota = read_number(quota_text), period = read_number(period_text);
  if (!quota || !period || *quota <= 0 || *period <= 0) return no_limit;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

double v2_limit(const fs::path& group) {
  const auto words = read_words(group / "cpu.max", 2);
  return words.size() == 2 ? limit_of(words[0], words[1]) : no_limit;
}

double v1_limit(const fs::path& group) {
  const auto quota = read_words(group / "cpu.cfs_quota_us", 1), period = read_words(group / "cpu.cfs_period_us", 1);
  return quota.empty() || period.empty() ? no_limit : limit_of(quota[0], period[0]);
}

}  // namespace

double cgroup_quota(const std::string& root, const std::string& self_cgroup) {
  double lowest = no_limit;
  for_control_groups(root, self_cgroup, "cpu", [&](const fs::path& group, bool v2) {
    lowest = std::min(lowest, v2 ? v2_limit(group) : v1_limit(group));
  });
  return lowest == no_limit ? 0.0 : lowest;
}

}  // namespace tessera
