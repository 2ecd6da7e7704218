// The measuring protocol: every case warms up on its own, then rounds run every case once, in an order shuffled anew
// each round, so that what changes on the machine meanwhile (clock, neighbours, heat) falls on all cases alike.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tessera {

struct MeasureOptions {
  int warmup = 20;
  int samples = 1000;      ///< rounds
  double max_seconds = 0;  ///< for all cases together, warm-up included; 0: no limit
  int min_samples = 3;     ///< taken even when the time is up
  std::uint64_t seed = 1;
};

/// What is timed: one call is one inference. It may throw.
using Inference = std::function<void()>;
/// Seconds since anything.
using Clock = std::function<double()>;

struct CaseSamples {
  std::vector<double> seconds;         ///< one per round, in the order of the rounds
  std::optional<std::string> failure;  ///< what the case threw; it has left the rounds from then on
};

struct MeasureProgress {
  double fraction;  ///< of the whole measurement, 0..1
  int rounds;       ///< finished ones; 0 during the warm-up
};

/// The monotonic clock of the machine.
Clock steady_clock();

/// `stopped` is asked between inferences; when it says so the measurement ends with what it has.
std::vector<CaseSamples> measure(std::span<const Inference> cases, const MeasureOptions& options, const Clock& clock,
                                 const std::function<void(const MeasureProgress&)>& progress = {},
                                 const std::function<bool()>& stopped = {});

}  // namespace tessera
