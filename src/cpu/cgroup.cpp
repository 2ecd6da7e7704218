// The CPU quota of control groups. A limit binds everything below it, so the answer is the smallest along the path from
// the mount's root to the process's own group. Inside a container the path often belongs to the host and does not exist
// here; the container's own limits then stand at the mount's root.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "cpu/topology.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr double no_limit = std::numeric_limits<double>::infinity();

std::optional<long long> read_number(std::string_view text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// The first `count` words of a file; fewer where it is short or absent.
std::vector<std::string> read_words(const fs::path& file, std::size_t count) {
  std::ifstream in(file);
  std::vector<std::string> words;
  for (std::string word; words.size() < count && in >> word;) words.push_back(word);
  return words;
}

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

double lowest_along(const fs::path& mount, const std::string& path, double (*limit)(const fs::path&)) {
  double lowest = limit(mount);
  fs::path group = mount;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part == "..") break;  // our group lies outside of what this namespace shows
    if (part.empty() || part == ".") continue;
    group /= part;
    lowest = std::min(lowest, limit(group));
  }
  return lowest;
}

bool names_controller(const std::string& controllers, std::string_view wanted) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == wanted) return true;
  }
  return false;
}

}  // namespace

double cgroup_quota(const std::string& root, const std::string& self_cgroup) {
  const fs::path mounts = fs::path(root) / "sys/fs/cgroup";
  double lowest = no_limit;
  std::istringstream lines(self_cgroup);
  for (std::string line; std::getline(lines, line);) {  // hierarchy:controllers:path; the path may hold colons
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) {  // v2, alone or beside v1
      lowest = std::min(lowest, lowest_along(mounts, path, v2_limit));
      lowest = std::min(lowest, lowest_along(mounts / "unified", path, v2_limit));
    } else if (names_controller(controllers, "cpu")) {
      lowest = std::min(lowest, lowest_along(mounts / controllers, path, v1_limit));
      lowest = std::min(lowest, lowest_along(mounts / "cpu", path, v1_limit));
    }
  }
  return lowest == no_limit ? 0.0 : lowest;
}

}  // namespace tessera
