#include "cpu/memory_limit.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

#include "core/error.hpp"
#include "cpu/cgroup_files.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Not worth reading files for.
constexpr std::uint64_t small_amount = std::uint64_t{64} << 20;
/// v1 writes "no limit" as a number near 2^63, rounded to pages.
constexpr long long no_v1_limit = 1LL << 60;

std::optional<std::uint64_t> number_in(const fs::path& file) {
  const auto words = read_words(file, 1);
  if (words.empty()) return std::nullopt;
  const auto number = read_number(words[0]);
  return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

/// The number behind a key of a file of "key number" or "key: number kB" lines.
std::optional<std::uint64_t> entry_of(const fs::path& file, std::string_view key) {
  std::ifstream in(file);
  for (std::string word; in >> word;)
    if (std::uint64_t value = 0; word == key && in >> value) return value;
  return std::nullopt;
}

struct GroupMemory {
  std::uint64_t limit, left;
};

/// Nothing where the group has no limit. Cached pages of files count as used and are given back when memory is wanted.
std::optional<GroupMemory> memory_of(const fs::path& group, bool v2) {
  const auto limit = number_in(group / (v2 ? "memory.max" : "memory.limit_in_bytes"));  // "max" is no number
  if (!limit || *limit >= static_cast<std::uint64_t>(no_v1_limit)) return std::nullopt;
  const std::uint64_t used = number_in(group / (v2 ? "memory.current" : "memory.usage_in_bytes")).value_or(0);
  const std::uint64_t cached =
      entry_of(group / "memory.stat", v2 ? "inactive_file" : "total_inactive_file").value_or(0);
  const std::uint64_t held = used - std::min(used, cached);
  return GroupMemory{*limit, *limit - std::min(*limit, held)};
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes + (1U << 20) - 1) >> 20) + " MiB";
}

}  // namespace

std::optional<std::uint64_t> MemoryLimits::left() const noexcept {
  if (!available) return group_left;
  return group_left ? std::min(*available, *group_left) : available;
}

MemoryLimits memory_limits(const std::string& root, const std::string& self_cgroup) {
  constexpr std::uint64_t kib = 1024;
  const fs::path meminfo = fs::path(root) / "proc/meminfo";
  MemoryLimits limits;
  if (const auto total = entry_of(meminfo, "MemTotal:")) limits.total = *total * kib;
  if (const auto available = entry_of(meminfo, "MemAvailable:"))
    limits.available = (*available + entry_of(meminfo, "SwapFree:").value_or(0)) * kib;
  for_control_groups(root, self_cgroup, "memory", [&](const fs::path& group, bool v2) {
    const auto memory = memory_of(group, v2);
    if (!memory) return;
    limits.group_limit = std::min(limits.group_limit.value_or(memory->limit), memory->limit);
    limits.group_left = std::min(limits.group_left.value_or(memory->left), memory->left);
  });
  return limits;
}

MemoryLimits memory_limits() {
  std::ifstream in("/proc/self/cgroup");
  return memory_limits("/", {std::istreambuf_iterator<char>(in), {}});
}

void require_memory(std::uint64_t bytes, const std::string& what) {
  if (bytes <= small_amount) return;
  const MemoryLimits limits = memory_limits();
  const auto left = limits.left();
  if (!left || bytes <= *left) return;
  const bool group = limits.group_left && *left == *limits.group_left;
  reject(what,
         "it takes " + mebibytes(bytes) + " of memory, and " +
             (group ? "the limit of the control group (" + mebibytes(*limits.group_limit) + ") leaves "
                    : std::string("there are ")) +
             mebibytes(*left),
         "use a smaller batch, sequence or image, or give it more memory");
}

}  // namespace tessera
