#include "engine/stream_places.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "core/error.hpp"

namespace tessera {
namespace {

constexpr int most_threads = 1024;

void require_usable(int cpu, const std::vector<Core>& cores) {
  const auto has = [cpu](const Core& core) { return std::ranges::find(core.cpus, cpu) != core.cpus.end(); };
  if (std::ranges::none_of(cores, has))
    reject("cpus", "CPU " + std::to_string(cpu) + " may not be used by this process",
           "name CPUs of the affinity mask and the cpuset");
}

/// One CPU for each core, of the NUMA node that was asked for, or the very CPUs that were.
std::vector<int> chosen_cpus(const SessionOptions& options, const std::vector<Core>& cores) {
  if (!options.cpus.empty()) {
    for (const int cpu : options.cpus) require_usable(cpu, cores);
    return options.cpus;
  }
  std::vector<int> cpus;
  std::set<int> nodes;
  for (const Core& core : cores) {
    nodes.insert(core.node);
    if (!options.numa_node || core.node == *options.numa_node) cpus.push_back(core.cpus.front());
  }
  if (cpus.empty() && options.numa_node)
    reject("numa_node", std::to_string(*options.numa_node) + " has no CPU that this process may use",
           "use one of: " + cpu_list({nodes.begin(), nodes.end()}));
  return cpus;
}

int at_least_one(int number) {
  return std::max(1, number);
}

}  // namespace

StreamPlaces place_streams(const SessionOptions& options, const std::vector<Core>& cores, double quota_cpus) {
  if (options.threads < 0 || options.threads > most_threads)
    reject("threads", std::to_string(options.threads) + " is not a number of threads", "use 0 (all) to 1024");
  if (options.streams < 0 || options.streams > most_threads)
    reject("streams", std::to_string(options.streams) + " is not a number of streams", "use 0 (automatic) to 1024");
  const std::vector<int> cpus = chosen_cpus(options, cores);
  int usable = at_least_one(static_cast<int>(cpus.size()));
  if (quota_cpus > 0 && quota_cpus < usable) usable = at_least_one(static_cast<int>(quota_cpus));

  StreamPlaces places;
  if (options.streams == 0) {
    places.threads = options.threads > 0 ? options.threads : 1;
    places.cpus.resize(static_cast<std::size_t>(at_least_one(usable / places.threads)));
  } else {
    places.threads = options.threads > 0 ? options.threads : at_least_one(usable / options.streams);
    places.cpus.resize(static_cast<std::size_t>(options.streams));
  }
  const auto threads = static_cast<std::size_t>(places.threads);
  if (!options.pin || places.cpus.size() * threads > cpus.size()) return places;
  for (std::size_t i = 0; i < places.cpus.size(); ++i) {
    const auto first = cpus.begin() + static_cast<std::ptrdiff_t>(i * threads);
    places.cpus[i].assign(first, first + static_cast<std::ptrdiff_t>(threads));
  }
  return places;
}

}  // namespace tessera
