#include "launch/placement.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.hpp"

namespace tessera {
namespace {

using Cores = std::vector<Core>;

std::string counted(std::size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

/// On a hybrid CPU an instance that waits for a slow core is as slow as that core.
Cores fastest_kind(const Cores& cores, Placement& placement) {
  const int fastest = std::ranges::max_element(cores, {}, &Core::kind)->kind;
  Cores chosen;
  std::ranges::copy_if(cores, std::back_inserter(chosen), [&](const Core& core) { return core.kind == fastest; });
  if (chosen.size() < cores.size())
    placement.notes.push_back(counted(cores.size() - chosen.size(), "slower core") +
                              " of this hybrid CPU not used: name them with --cpus to use them");
  return chosen;
}

/// Threads beyond the quota would only be stopped by the kernel in the middle of their work.
void respect_quota(Cores& cores, double quota, Placement& placement) {
  if (quota <= 0 || quota >= static_cast<double>(cores.size())) return;
  const auto usable = std::max<std::size_t>(1, static_cast<std::size_t>(quota));
  std::string text = std::to_string(quota);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  if (usable < cores.size())
    placement.notes.push_back("the control group's quota of " + text + " CPUs leaves " + counted(usable, "core") +
                              " of " + std::to_string(cores.size()));
  cores.resize(usable);
}

/// Cores by NUMA node, in the order of the nodes' first cores.
std::vector<Cores> by_node(const Cores& cores) {
  std::vector<Cores> nodes;
  std::map<int, std::size_t> index;
  for (const Core& core : cores) {
    const auto [entry, fresh] = index.emplace(core.node, nodes.size());
    if (fresh) nodes.emplace_back();
    nodes[entry->second].push_back(core);
  }
  return nodes;
}

InstancePlace place_of(const Core* first, std::size_t count) {
  InstancePlace place;
  std::set<int> nodes;
  for (const Core* core = first; core != first + count; ++core) {
    place.cpus.push_back(core->cpus.front());
    nodes.insert(core->node);
  }
  place.nodes.assign(nodes.begin(), nodes.end());
  return place;
}

std::vector<InstancePlace> places_of_size(const Cores& cores, std::size_t size) {
  std::vector<InstancePlace> places;
  for (std::size_t at = 0; at + size <= cores.size(); at += size) places.push_back(place_of(&cores[at], size));
  return places;
}

/// As many instances of `size` cores as the nodes hold, each within its node.
std::vector<InstancePlace> places_within_nodes(const std::vector<Cores>& nodes, std::size_t size) {
  std::vector<InstancePlace> places;
  for (const Cores& node : nodes) std::ranges::copy(places_of_size(node, size), std::back_inserter(places));
  return places;
}

/// How many cores each of `count` instances gets so that all get equally many, within nodes where that costs none.
std::size_t size_for(const std::vector<Cores>& nodes, std::size_t cores, std::size_t count) {
  const std::size_t across = cores / count;
  for (std::size_t size = across; size > 0; --size) {
    std::size_t fit = 0;
    for (const Cores& node : nodes) fit += node.size() / size;
    // Half the cores left idle is too dear for staying within a node.
    if (fit >= count) return size * 2 > across ? size : across;
  }
  return across;
}

void reject_too_many(std::size_t asked, const std::string& how, std::size_t cores) {
  if (asked > cores)
    reject("launch", how + " need " + counted(asked, "core") + ", " + std::to_string(cores) + " can be used here",
           "ask for fewer");
}

std::size_t positive(int value, const std::string& option) {
  if (value < 1) reject(option, std::to_string(value) + " is not a number of them", "use 1 or more");
  return static_cast<std::size_t>(value);
}

struct Wanted {
  std::optional<std::size_t> count, size;
};

Wanted wanted_by(const PlacementRequest& request) {
  Wanted wanted;
  if (request.instances) wanted.count = positive(*request.instances, "--instances");
  if (request.cores_per_instance) wanted.size = positive(*request.cores_per_instance, "--cores-per-instance");
  if (request.goal == LaunchGoal::throughput && !wanted.size && !wanted.count) wanted.size = 1;
  if (request.goal == LaunchGoal::none && !wanted.size && !wanted.count) wanted.count = 1;
  return wanted;
}

std::vector<InstancePlace> places_for(const Cores& cores, const Wanted& wanted) {
  const std::vector<Cores> nodes = by_node(cores);
  Cores in_order;
  for (const Cores& node : nodes) std::ranges::copy(node, std::back_inserter(in_order));
  if (!wanted.count && !wanted.size) {  // a node each
    std::vector<InstancePlace> places;
    places.reserve(nodes.size());
    for (const Cores& node : nodes) places.push_back(place_of(node.data(), node.size()));
    return places;
  }
  const std::size_t count = wanted.count.value_or(1);
  if (!wanted.size) reject_too_many(count, counted(count, "instance"), cores.size());
  const std::size_t size = wanted.size ? *wanted.size : size_for(nodes, cores.size(), count);
  reject_too_many(count * size, counted(count, "instance") + " of " + counted(size, "core"), cores.size());
  std::vector<InstancePlace> places = places_within_nodes(nodes, size);
  const bool enough = wanted.count ? places.size() >= count : !places.empty();
  if (!enough) places = places_of_size(in_order, size);
  if (wanted.count) places.resize(count);
  return places;
}

}  // namespace

Placement place_instances(const std::vector<Core>& cores, const PlacementRequest& request) {
  if (cores.empty()) reject("launch", "there is no CPU to run on", "check --cpus against the CPUs of this process");
  Placement placement;
  Cores usable = request.chosen_cpus ? cores : fastest_kind(cores, placement);
  respect_quota(usable, request.quota_cpus, placement);
  placement.instances = places_for(usable, wanted_by(request));

  std::size_t used = 0, across = 0;
  for (const InstancePlace& place : placement.instances) {
    used += place.cpus.size();
    across += place.nodes.size() > 1 ? 1 : 0;
  }
  if (used < usable.size()) placement.notes.push_back(counted(usable.size() - used, "core") + " left idle");
  if (across > 0)
    placement.notes.push_back(counted(across, "instance") +
                              " across NUMA nodes: memory of another node is slower to read");
  return placement;
}

}  // namespace tessera
