// The control groups that a process is in, and the numbers in their files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// Called with each group of a controller ("cpu", "memory") that binds the process, v1 or v2, from the mount's root to
/// its own group: a limit binds everything below it. Inside a container the path often belongs to the host and does not
/// exist here; the container's own limits then stand at the mount's root. `root`: "/" in production; `self_cgroup`: the
/// text of /proc/self/cgroup.
void for_control_groups(const std::string& root, const std::string& self_cgroup, std::string_view controller,
                        const std::function<void(const std::filesystem::path& group, bool v2)>& visit);

std::optional<long long> read_number(std::string_view text);

/// The first `count` words of a file; fewer where it is short or absent.
std::vector<std::string> read_words(const std::filesystem::path& file, std::size_t count);

}  // namespace tessera
