// How much memory this process occupies.
#pragma once

#include <optional>

namespace tessera {

/// Resident memory in MB (10^6 bytes) from /proc/self/statm; nothing where that file is not to be had (an emulator,
/// another system).
std::optional<double> resident_mb();

/// The most that was ever resident, in MB, from /proc/self/status; likewise.
std::optional<double> peak_resident_mb();

}  // namespace tessera
