#include "compare/team_peak.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "cpu/team.hpp"
#include "cpu/topology.hpp"
#include "kernels/peak/peak.hpp"

namespace tessera {
namespace {

struct Work {
  Isa ceiling;
  std::vector<PeakResult> results;  ///< one per member
};

}  // namespace

PeakRates measure_team_peak(Isa ceiling, int threads) {
  const Topology topology = detect_topology();
  // More threads than CPUs take turns: each would measure a whole CPU, and the sum more than the machine has.
  const auto members = static_cast<std::size_t>(std::clamp(threads, 1, topology.usable_cpus()));
  std::span<const int> cpus;
  if (members <= topology.one_per_core.size()) cpus = std::span(topology.one_per_core).first(members);
  ThreadTeam team(static_cast<int>(members), cpus);
  Work work{ceiling, std::vector<PeakResult>(members)};
  team.run(
      [](void* context, int member) noexcept {
        Work& shared = *static_cast<Work*>(context);
        shared.results[static_cast<std::size_t>(member)] = measure_peak(shared.ceiling);
      },
      &work);
  PeakResult total;
  for (const PeakResult& result : work.results) {
    total.f32_gflops += result.f32_gflops;
    total.bf16_gflops += result.bf16_gflops;
    total.int8_gops += result.int8_gops;
  }
  return {total.f32_gflops, total.bf16_gflops, total.int8_gops};
}

}  // namespace tessera
