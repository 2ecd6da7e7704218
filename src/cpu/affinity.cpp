#include "cpu/affinity.hpp"

#include <sched.h>

#include <array>

namespace tessera {
namespace {

/// Linux is built for at most 8192 CPUs; a plain cpu_set_t holds 1024, and the kernel refuses a mask shorter than its
/// own.
constexpr int max_cpus = 8192;

struct Mask {
  std::array<cpu_set_t, max_cpus / CPU_SETSIZE> words{};

  [[nodiscard]] bool has(int cpu) const noexcept {
    return cpu >= 0 && cpu < max_cpus && CPU_ISSET_S(cpu, sizeof words, words.data());
  }
  void add(int cpu) noexcept {
    if (cpu >= 0 && cpu < max_cpus) CPU_SET_S(cpu, sizeof words, words.data());
  }
  bool read() noexcept { return sched_getaffinity(0, sizeof words, words.data()) == 0; }
  [[nodiscard]] bool apply() const noexcept { return sched_setaffinity(0, sizeof words, words.data()) == 0; }
};

}  // namespace

std::vector<int> affinity_mask() {
  Mask mask;
  std::vector<int> cpus;
  if (!mask.read()) return cpus;
  for (int cpu = 0; cpu < max_cpus; ++cpu) {
    if (mask.has(cpu)) cpus.push_back(cpu);
  }
  return cpus;
}

bool pin_to(int cpu) noexcept {
  Mask mask;
  mask.add(cpu);
  return mask.apply();
}

bool move_to(int cpu) noexcept {
  Mask mask;
  if (!mask.read() || !mask.has(cpu) || !pin_to(cpu)) return false;
  return mask.apply();
}

std::optional<int> current_cpu() noexcept {
  const int cpu = sched_getcpu();
  return cpu >= 0 ? std::optional(cpu) : std::nullopt;
}

}  // namespace tessera
