#include "compare/team_peak.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/memory.hpp"
#include "cpu/team.hpp"
#include "cpu/topology.hpp"
#include "kernels/peak/peak.hpp"

namespace tessera {
namespace {

/// A team as sessions have it. More threads than CPUs take turns: each would measure a whole CPU, and the sum more than
/// the machine has.
ThreadTeam measuring_team(int threads) {
  const Topology topology = detect_topology();
  const auto members = static_cast<std::size_t>(std::clamp(threads, 1, topology.usable_cpus()));
  std::span<const int> cpus;
  if (members <= topology.one_per_core.size()) cpus = std::span(topology.one_per_core).first(members);
  return ThreadTeam(static_cast<int>(members), cpus);
}

struct PeakWork {
  Isa ceiling;
  std::vector<PeakResult> results;  ///< one per member
};

struct CopyWork {
  std::vector<AlignedBuffer> sources, targets;  ///< one per member
};

}  // namespace

PeakRates measure_team_peak(Isa ceiling, int threads) {
  ThreadTeam team = measuring_team(threads);
  PeakWork work{ceiling, std::vector<PeakResult>(static_cast<std::size_t>(team.size()))};
  team.run(
      [](void* context, int member) noexcept {
        PeakWork& shared = *static_cast<PeakWork*>(context);
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

double measure_team_bandwidth(int threads) {
  constexpr std::size_t all_bytes = std::size_t{128} << 20, least_bytes = std::size_t{4} << 20;
  constexpr int passes = 5;
  ThreadTeam team = measuring_team(threads);
  const auto members = static_cast<std::size_t>(team.size());
  const std::size_t bytes = std::max(all_bytes / members, least_bytes);
  CopyWork work;
  for (std::size_t member = 0; member < members; ++member) {
    work.sources.emplace_back(bytes);
    work.targets.emplace_back(bytes);
  }
  // Each member brings its own memory in; untouched memory would all be one page of zeros.
  team.run(
      [](void* context, int member) noexcept {
        AlignedBuffer& source = static_cast<CopyWork*>(context)->sources[static_cast<std::size_t>(member)];
        std::memset(source.data(), 1, source.size());
      },
      &work);
  double best = 0;
  for (int pass = 0; pass <= passes; ++pass) {
    const double begin = seconds_now();
    team.run(
        [](void* context, int member) noexcept {
          CopyWork& shared = *static_cast<CopyWork*>(context);
          const AlignedBuffer& source = shared.sources[static_cast<std::size_t>(member)];
          std::memcpy(shared.targets[static_cast<std::size_t>(member)].data(), source.data(), source.size());
        },
        &work);
    const double seconds = seconds_now() - begin;
    if (pass > 0) best = std::max(best, 2.0 * static_cast<double>(bytes * members) / seconds / 1e9);
  }
  return best;
}

}  // namespace tessera
