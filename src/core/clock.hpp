// The clock that durations are measured with.
#pragma once

#include <chrono>

namespace tessera {

/// Seconds since some moment in the past; the steps of the system's time do not show in it.
inline double seconds_now() noexcept {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace tessera
