#include "doctor.hpp"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "compare/doctor_json.hpp"
#include "kernels/tiers.hpp"
#include "tessera/tessera.hpp"

namespace tessera::tool {
namespace {

using Json = nlohmann::ordered_json;

/// "0-3,8,10-11"
std::string ranges_text(const std::vector<int>& cpus) {
  std::ostringstream text;
  for (std::size_t begin = 0; begin < cpus.size();) {
    std::size_t end = begin;
    while (end + 1 < cpus.size() && cpus[end + 1] == cpus[end] + 1) ++end;
    text << (begin > 0 ? "," : "") << cpus[begin];
    if (end > begin) text << "-" << cpus[end];
    begin = end + 1;
  }
  return text.str();
}

std::string bytes_text(std::size_t bytes) {
  constexpr double kib = 1024.0, mib = kib * kib, gib = kib * mib;
  const auto size = static_cast<double>(bytes);
  std::ostringstream text;
  if (size >= gib) {
    text << std::setprecision(4) << size / gib << " GiB";
  } else if (size >= mib) {
    text << std::setprecision(4) << size / mib << " MiB";
  } else {
    text << std::setprecision(4) << size / kib << " KiB";
  }
  return text.str();
}

std::string memory_text(std::optional<std::uint64_t> bytes, std::optional<std::uint64_t> left) {
  if (!bytes) return "unknown";
  return bytes_text(*bytes) + (left ? ", " + bytes_text(*left) + " left" : "");
}

std::string quota_text(double quota) {
  if (quota <= 0.0) return "none";
  std::ostringstream text;
  text << quota << " CPUs";
  return text.str();
}

std::string usable_text(const Topology& topology) {
  std::string text = std::to_string(topology.usable_cpus());
  const auto cores = topology.one_per_core.size();
  if (static_cast<std::size_t>(topology.usable_cpus()) < cores) return text + " (the cgroup quota allows no more)";
  if (cores < topology.allowed_cpus.size()) return text + " (one thread for each physical core)";
  return text;
}

std::ostream& row(std::ostream& out, const std::string& label) {
  return out << "  " << std::left << std::setw(18) << label;
}

void print_tiers(const CpuFeatures& features, std::ostream& out) {
  out << "Instruction sets\n";
  for (const Isa isa : all_isas) {
    row(out, std::string(name_of(isa)));
    const auto reason = why_not_runnable(features, isa);
    if (!reason) {
      out << "yes\n";
      continue;
    }
    out << "no   " << *reason << "\n";
    row(out, "") << "     " << remedy_for(features, isa) << "\n";
  }
  const auto best = best_tier(features);
  row(out, "best") << (best ? name_of(*best) : "none: Tessera needs avx2") << "\n";
}

void print_table(const CpuFeatures& features, const Topology& topology, const MemoryLimits& memory, std::ostream& out) {
  out << "Machine\n";
  row(out, "CPU") << features.brand << "\n";
  row(out, "features");
  const auto names = feature_names(features);
  for (const std::string& name : names) out << name << (&name == &names.back() ? "" : " ");
  out << (names.empty() ? "none that Tessera uses\n" : "\n");
  row(out, "kernel") << topology.kernel << "\n";
  row(out, "Tessera") << version << "\n\n";

  print_tiers(features, out);

  out << "\nCPUs\n";
  row(out, "usable") << usable_text(topology) << "\n";
  row(out, "affinity mask") << topology.allowed_cpus.size() << " (" << ranges_text(topology.allowed_cpus) << ")\n";
  row(out, "physical cores") << topology.one_per_core.size() << "\n";
  row(out, "cgroup quota") << quota_text(topology.quota_cpus) << "\n";
  row(out, "NUMA nodes") << topology.numa_nodes << "\n";

  out << "\nMemory\n";
  row(out, "machine") << memory_text(memory.total, memory.available) << "\n";
  row(out, "cgroup limit") << (memory.group_limit ? memory_text(memory.group_limit, memory.group_left) : "none")
                           << "\n";

  out << "\nCaches\n";
  row(out, "L1d") << bytes_text(topology.l1d_bytes) << " per core\n";
  row(out, "L2") << bytes_text(topology.l2_bytes) << " per core\n";
  row(out, "L3") << (topology.l3_bytes == 0 ? "none" : bytes_text(topology.l3_bytes)) << "\n";
}

/// A constant of 0 is one that the tier has no kernel for.
void print_constants(const std::vector<MeasuredTier>& tiers, std::ostream& out) {
  for (const MeasuredTier& tier : tiers) {
    out << "\nPicoseconds on one core, " << name_of(tier.isa) << " (what plans go by; here)\n" << std::fixed;
    for (const NamedConstant& constant : named_constants) {
      if (tier.measured.*constant.value == 0) continue;
      row(out, constant.name) << std::right << std::setprecision(1) << std::setw(8) << tier.usual.*constant.value
                              << std::setw(8) << tier.measured.*constant.value << "   " << constant.meaning << "\n";
    }
    if (tier.measured.disturbed) out << "  Tiles were disturbed by others on this core all the time: measure again.\n";
  }
}

Json constants_json(const std::vector<MeasuredTier>& tiers) {
  Json all = Json::object();
  for (const MeasuredTier& tier : tiers)
    for (const NamedConstant& constant : named_constants)
      all[std::string(name_of(tier.isa))][constant.name] = {{"usual", tier.usual.*constant.value},
                                                            {"measured", tier.measured.*constant.value}};
  return all;
}

}  // namespace

void report_machine(const CpuFeatures& features, const Topology& topology, const MemoryLimits& memory,
                    const std::vector<MeasuredTier>& tiers, bool json, std::ostream& out) {
  if (json) {
    Json report = doctor_json(features, topology, memory);
    if (!tiers.empty()) report["picoseconds"] = constants_json(tiers);
    // A brand string is whatever the hypervisor put there; bytes that are not UTF-8 are replaced, not an error.
    out << report.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    print_table(features, topology, memory, out);
    print_constants(tiers, out);
  }
}

void run_doctor(bool json, bool measure, std::ostream& out) {
  const CpuFeatures& features = cpu_features();
  std::vector<MeasuredTier> tiers;
  if (measure) {
    for (const Isa isa : all_isas)
      if (!why_not_runnable(features, isa)) tiers.push_back({isa, usual_constants(isa), measure_constants(isa)});
  }
  report_machine(features, detect_topology(), memory_limits(), tiers, json, out);
}

}  // namespace tessera::tool
