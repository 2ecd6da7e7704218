#include "compare/doctor_json.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "kernels/tiers.hpp"
#include "tessera/tessera.hpp"

namespace tessera {
namespace {

using Json = nlohmann::ordered_json;

Json tiers_json(const CpuFeatures& features) {
  Json tiers = Json::array();
  for (const Isa isa : all_isas) {
    Json tier = {{"isa", name_of(isa)}, {"available", true}};
    if (const auto reason = why_not_runnable(features, isa)) {
      tier["available"] = false;
      tier["reason"] = *reason;
      tier["remedy"] = remedy_for(features, isa);
    }
    tiers.push_back(std::move(tier));
  }
  return tiers;
}

}  // namespace

std::optional<Isa> best_tier(const CpuFeatures& features) {
  if (why_not_runnable(features, Isa::avx2)) return std::nullopt;
  return best_runnable(features);
}

Json doctor_json(const CpuFeatures& features, const Topology& topology) {
  const auto best = best_tier(features);
  return {
      {"tessera", {{"version", version}}},
      {"cpu", {{"brand", features.brand}, {"features", feature_names(features)}}},
      {"kernel", topology.kernel},
      {"isa", best ? Json(name_of(*best)) : Json(nullptr)},
      {"tiers", tiers_json(features)},
      {"cpus",
       {{"usable", topology.usable_cpus()},
        {"allowed", topology.allowed_cpus},
        {"one_per_core", topology.one_per_core},
        {"quota", topology.quota_cpus > 0.0 ? Json(topology.quota_cpus) : Json(nullptr)},
        {"numa_nodes", topology.numa_nodes}}},
      {"caches", {{"l1d_bytes", topology.l1d_bytes}, {"l2_bytes", topology.l2_bytes}, {"l3_bytes", topology.l3_bytes}}},
  };
}

}  // namespace tessera
