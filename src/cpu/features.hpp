// What this CPU, hypervisor and kernel let a program use, and the reason for every "no".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/isa.hpp"

namespace tessera {

/// The facts that decide which tiers run. detect() reads them from the machine; tests make them up.
struct CpuFeatures {
  std::string brand;  ///< "AMD EPYC 9B45"
  // CPUID bits
  bool avx2 = false, fma = false, f16c = false, bmi2 = false;
  bool avx_vnni = false;
  bool avx512f = false, avx512bw = false, avx512vl = false, avx512dq = false;
  bool avx512_vnni = false, avx512_bf16 = false;
  bool amx_tile = false, amx_int8 = false, amx_bf16 = false;
  // Operating system and hypervisor
  bool os_ymm = false;               ///< XCR0 bits 1, 2
  bool os_zmm = false;               ///< XCR0 bits 5, 6, 7
  bool os_tiles = false;             ///< XCR0 bits 17, 18
  bool amx_palette = false;          ///< CPUID leaf 1DH offers palette 1 with 8 tiles of 16 rows of 64 bytes
  bool amx_permission = false;       ///< arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) granted
  std::string amx_permission_error;  ///< strerror text when it was not
  bool amx_trial = false;            ///< one guarded ldtilecfg/tilezero/tilerelease ran without a signal
};

/// Reads CPUID, XCR0 and palette, asks the kernel for AMX and tries one tile operation. Never crashes. Computed once.
const CpuFeatures& cpu_features();

/// Nothing when `isa` can run with these features; otherwise the reason in words a person can act on
/// ("this CPU has no amx_int8", "the kernel refused AMX permission (...)", "the hypervisor hides palette 1").
std::optional<std::string> why_unavailable(const CpuFeatures& features, Isa isa);

/// What to do about that reason; empty where `isa` can run.
std::string_view remedy_for(const CpuFeatures& features, Isa isa);

/// The highest tier these features allow; Error{unavailable} when not even avx2 is there.
Isa best_isa(const CpuFeatures& features);

/// Names of the relevant features present: "avx2", "fma", "avx512_vnni", ... for reports.
std::vector<std::string> feature_names(const CpuFeatures& features);

}  // namespace tessera
