#include "compare/process_memory.hpp"

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace tessera {

std::optional<double> resident_mb() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages) || resident_pages == 0) return std::nullopt;
  const long page = ::sysconf(_SC_PAGESIZE);
  return static_cast<double>(resident_pages) * static_cast<double>(page > 0 ? page : 4096) / 1e6;
}

}  // namespace tessera
