// The two AMX questions that only doing answers: does the kernel grant tile state, and does a tile instruction run?
#pragma once

#include "cpu/features.hpp"

namespace tessera {

/// Fills amx_permission, amx_permission_error and amx_trial. Asks nothing and runs nothing unless the CPUID bits, XCR0
/// and the palette already in `features` all say yes: a sandbox may kill a process for the mere question.
void probe_amx(CpuFeatures& features);

}  // namespace tessera
