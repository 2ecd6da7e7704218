// The decisions on CpuFeatures, without a look at the machine.
#include "cpu/features.hpp"

#include <array>
#include <utility>

#include "core/error.hpp"

namespace tessera {
namespace {

struct CpuBit {
  bool CpuFeatures::*present;
  std::string_view name;
  Isa tier;  ///< the lowest tier that needs it; a ceiling needs the bits of all tiers it includes
};

constexpr std::array cpu_bits = {
    CpuBit{&CpuFeatures::avx2, "avx2", Isa::avx2},
    CpuBit{&CpuFeatures::fma, "fma", Isa::avx2},
    CpuBit{&CpuFeatures::f16c, "f16c", Isa::avx2},
    CpuBit{&CpuFeatures::bmi2, "bmi2", Isa::avx2},
    CpuBit{&CpuFeatures::avx_vnni, "avx_vnni", Isa::avx2_vnni},
    CpuBit{&CpuFeatures::avx512f, "avx512f", Isa::avx512_core},
    CpuBit{&CpuFeatures::avx512bw, "avx512bw", Isa::avx512_core},
    CpuBit{&CpuFeatures::avx512vl, "avx512vl", Isa::avx512_core},
    CpuBit{&CpuFeatures::avx512dq, "avx512dq", Isa::avx512_core},
    CpuBit{&CpuFeatures::avx512_vnni, "avx512_vnni", Isa::avx512_core_vnni},
    CpuBit{&CpuFeatures::avx512_bf16, "avx512_bf16", Isa::avx512_core_bf16},
    CpuBit{&CpuFeatures::amx_int8, "amx_int8", Isa::avx512_core_amx},
    CpuBit{&CpuFeatures::amx_bf16, "amx_bf16", Isa::avx512_core_amx},
    CpuBit{&CpuFeatures::amx_tile, "amx_tile", Isa::avx512_core_amx},
};

std::string missing_bits_of(const CpuFeatures& features, Isa tier) {
  std::string names;
  for (const CpuBit& bit : cpu_bits) {
    if (bit.tier != tier || features.*bit.present) continue;
    if (!names.empty()) names += ", ";
    names += bit.name;
  }
  return names;
}

struct Obstacle {
  std::string reason;
  std::string_view remedy;
};

/// Where each tier is found, for those whose CPU lacks it. A hypervisor can hide the bits of a CPU that has them.
std::string_view where_to_find(Isa tier) {
  switch (tier) {
    case Isa::avx2: return "use Intel Haswell, AMD Excavator or later, or have the hypervisor expose it";
    case Isa::avx2_vnni: return "use Intel Alder Lake, AMD Zen 5 or later, or have the hypervisor expose it";
    case Isa::avx512_core: return "use Intel Skylake-SP, AMD Zen 4 or later, or have the hypervisor expose it";
    case Isa::avx512_core_vnni: return "use Intel Cascade Lake, AMD Zen 4 or later, or have the hypervisor expose it";
    case Isa::avx512_core_bf16:
      return "use Intel Sapphire Rapids, AMD Zen 4 or later, or have the hypervisor expose it";
    case Isa::avx512_core_amx: return "use Intel Sapphire Rapids or later, or have the hypervisor expose it";
  }
  return "use a newer CPU";
}

/// The tier's own bits come before those of the tiers below: who asks for AMX wants to hear about AMX.
std::optional<Obstacle> cpu_obstacle(const CpuFeatures& features, Isa isa) {
  for (auto tier = all_isas.rbegin(); tier != all_isas.rend(); ++tier) {
    if (!includes(isa, *tier)) continue;
    if (const std::string names = missing_bits_of(features, *tier); !names.empty()) {
      return Obstacle{"this CPU has no " + names, where_to_find(*tier)};
    }
  }
  return std::nullopt;
}

std::optional<Obstacle> state_obstacle(const CpuFeatures& features, Isa isa) {
  if (!features.os_ymm) {
    return Obstacle{"the operating system has not enabled AVX state", "boot the kernel without noxsave or clearcpuid"};
  }
  if (has_avx512(isa) && !features.os_zmm) {
    return Obstacle{"the operating system has not enabled AVX-512 state",
                    "boot the kernel without noxsave or clearcpuid, or have the hypervisor allow the state"};
  }
  if (has_tiles(isa) && !features.os_tiles) {
    return Obstacle{"the operating system has not enabled AMX tile state",
                    "run Linux 5.16 or later, or have the hypervisor allow the state"};
  }
  return std::nullopt;
}

std::optional<Obstacle> tile_obstacle(const CpuFeatures& features) {
  if (!features.amx_palette) {
    return Obstacle{"the hypervisor hides palette 1",
                    "have the hypervisor pass CPUID leaf 1DH through to this machine"};
  }
  if (!features.amx_permission) {
    const std::string& error = features.amx_permission_error;
    return Obstacle{"the kernel refused AMX permission (" + (error.empty() ? "no error given" : error) + ")",
                    "run Linux 5.16 or later in a sandbox that allows arch_prctl(ARCH_REQ_XCOMP_PERM)"};
  }
  if (!features.amx_trial) {
    return Obstacle{"a trial AMX instruction faulted although CPU and kernel offer AMX",
                    "report it to whoever runs the hypervisor; Tessera works without AMX meanwhile"};
  }
  return std::nullopt;
}

std::optional<Obstacle> obstacle(const CpuFeatures& features, Isa isa) {
  if (auto found = cpu_obstacle(features, isa)) return found;
  if (auto found = state_obstacle(features, isa)) return found;
  return has_tiles(isa) ? tile_obstacle(features) : std::nullopt;
}

}  // namespace

std::optional<std::string> why_unavailable(const CpuFeatures& features, Isa isa) {
  if (auto found = obstacle(features, isa)) return std::move(found->reason);
  return std::nullopt;
}

std::string_view remedy_for(const CpuFeatures& features, Isa isa) {
  const auto found = obstacle(features, isa);
  return found ? found->remedy : std::string_view{};
}

Isa best_isa(const CpuFeatures& features) {
  for (auto isa = all_isas.rbegin(); isa != all_isas.rend(); ++isa) {
    if (!obstacle(features, *isa)) return *isa;
  }
  const auto found = obstacle(features, Isa::avx2);
  throw Error(ErrorKind::unavailable, "this machine", found->reason, std::string(found->remedy));
}

std::vector<std::string> feature_names(const CpuFeatures& features) {
  std::vector<std::string> names;
  for (const CpuBit& bit : cpu_bits) {
    if (features.*bit.present) names.emplace_back(bit.name);
  }
  return names;
}

}  // namespace tessera
