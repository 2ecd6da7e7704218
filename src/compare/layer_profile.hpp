// Where the time of one session goes, step by step, beside what this machine reaches at most.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compare/peak_rates.hpp"
#include "tessera/isa.hpp"
#include "tessera/precision.hpp"
#include "tessera/step_info.hpp"

namespace tessera {

/// A step with what is derived from its profile.
struct ProfiledStep {
  StepInfo step;
  double share = 0;          ///< of the whole inference
  double peak_fraction = 0;  ///< of the measured peak in the step's arithmetic; 0 where it does none worth counting
  /// Why it is not better, for people: what the plan says, else what its time and its bytes show; empty where there is
  /// nothing to say.
  std::string reason = {};
};

struct LayerProfile {
  Isa isa = Isa::avx2;
  int threads = 1;     ///< of one stream
  int runs = 0;        ///< inferences that were timed; 0: none, and no times are known
  double seconds = 0;  ///< of one inference, all steps
  PeakRates peak;      ///< of these threads on this tier
  /// Of the process so far; without the arrays that are copied to find the bandwidth.
  std::optional<double> peak_resident_mb = {};
  double bandwidth_gbps = 0;  ///< 1e9 bytes per second that copying large arrays reads and writes
  std::vector<ProfiledStep> steps;
};

/// What a step multiplies: fp32, bf16 or int8. Of "u8*s8->f32" what stands in front of the arrow; of "bf16", a step
/// that is no product of matrices, all of it.
Precision multiplied_in(const StepInfo& step) noexcept;
/// Operations for each byte that a step has to move at least; 0 where it does none.
double intensity_of(const StepInfo& step) noexcept;
/// 1e9 operations per second that a profiled step reached.
double rate_of(const StepInfo& step) noexcept;

}  // namespace tessera
