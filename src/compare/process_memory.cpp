#include "compare/process_memory.hpp"

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace tessera {

std::optional<double> resident_mb() {
  // What earlier work has freed is no need of this moment.
  ::malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages) || resident_pages == 0) return std::nullopt;
  const long page = ::sysconf(_SC_PAGESIZE);
  return static_cast<double>(resident_pages) * static_cast<double>(page > 0 ? page : 4096) / 1e6;
}

std::optional<double> peak_resident_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view key = "VmHWM:";
    if (!line.starts_with(key)) continue;
    std::uint64_t kib = 0;
    if (std::istringstream(line.substr(key.size())) >> kib) return static_cast<double>(kib) * 1.024e-3;
  }
  return std::nullopt;
}

}  // namespace tessera
