// On which CPUs the calling thread may run, and on which it runs, as OS CPU indices.
#pragma once

#include <optional>
#include <vector>

namespace tessera {

/// The affinity mask of the calling thread, ascending; empty where the kernel does not say.
std::vector<int> affinity_mask();

/// Lets the calling thread run on `cpu` only; false, and nothing changed, where the kernel refuses.
bool pin_to(int cpu) noexcept;

/// Moves the calling thread to `cpu` now and leaves its mask as it was; false, and nothing changed, where the mask or
/// the kernel does not allow it.
bool move_to(int cpu) noexcept;

/// The CPU that the calling thread is on just now.
std::optional<int> current_cpu() noexcept;

}  // namespace tessera
