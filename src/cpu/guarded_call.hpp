// Trying an instruction that this machine may refuse with a signal.
#pragma once

namespace tessera {

/// Calls `code` and says whether it came back without SIGILL or SIGSEGV. Signal handlers and mask are as before
/// afterwards. `code` must own nothing: after a fault it is left where it was. A fault of another thread meanwhile goes
/// to the handler it would have met.
bool runs_without_fault(void (*code)() noexcept);

}  // namespace tessera
