// Which tiers a session can really use: what the machine allows and this version of Tessera has kernels for.
#pragma once

#include <optional>
#include <string>

#include "cpu/features.hpp"

namespace tessera {

/// Nothing when a session on `isa` would run kernels of that tier; otherwise the reason: cpu/features.hpp's, or that no
/// kernel has been written for the tier. A tier is never served silently by the kernels of a lower one.
std::optional<std::string> why_not_runnable(const CpuFeatures& features, Isa isa);

/// The highest runnable tier; Error{unavailable} when not even avx2 is.
Isa best_runnable(const CpuFeatures& features);

}  // namespace tessera
