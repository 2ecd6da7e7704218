// How much memory this process may still take: of the machine, and under the limits of its control groups. What goes
// beyond the first is swapped or killed; what goes beyond the second is killed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tessera {

struct MemoryLimits {
  std::optional<std::uint64_t> total,
      available;  ///< bytes, of the machine (/proc/meminfo), swap included in what is available
  std::optional<std::uint64_t> group_limit, group_left;  ///< bytes, of the tightest control group; nothing: no limit

  /// The less of what the machine and the group have left; nothing where neither is known.
  [[nodiscard]] std::optional<std::uint64_t> left() const noexcept;
};

/// Of this process, now.
MemoryLimits memory_limits();

/// The same from the files below `root` ("/" in production) for the text of /proc/self/cgroup.
MemoryLimits memory_limits(const std::string& root, const std::string& self_cgroup);

/// Error{invalid} naming `what` when `bytes` more are not to be had: before anything is allocated, since the system
/// hands out memory that it does not have and kills whoever touches it. Small amounts are let through unasked.
void require_memory(std::uint64_t bytes, const std::string& what);

}  // namespace tessera
