#include "kernels/tiers.hpp"

#include <algorithm>

#include "kernels/brgemm/brgemm.hpp"

namespace tessera {

std::optional<std::string> why_not_runnable(const CpuFeatures& features, Isa isa) {
  if (auto reason = why_unavailable(features, isa)) return reason;
  const auto kernels = all_brgemm();
  if (std::any_of(kernels.begin(), kernels.end(), [&](const BrgemmKernel& kernel) { return kernel.isa == isa; }))
    return std::nullopt;
  return "this version of Tessera has no kernels for " + std::string(name_of(isa)) + " yet";
}

Isa best_runnable(const CpuFeatures& features) {
  const Isa ceiling = best_isa(features);
  for (auto isa = all_isas.rbegin(); isa != all_isas.rend(); ++isa)
    if (includes(ceiling, *isa) && !why_not_runnable(features, *isa)) return *isa;
  return Isa::avx2;
}

}  // namespace tessera
