// What the multiply-adds of a session are really computed in, by the types that its steps multiply: not what was asked
// for.
#pragma once

#include <span>

#include "compare/report.hpp"
#include "tessera/step_info.hpp"

namespace tessera {

/// Shares of all multiply-adds of the steps; all zero where there are none.
WorkShare work_share(std::span<const StepInfo> steps);

/// The format that most of them are in; `asked` where that is as good a name for it, or where there are none.
Precision computed_in(const WorkShare& share, Precision asked) noexcept;

/// What the machine would reach on this mixture of formats, in 1e9 operations per second; nothing where a rate is
/// missing.
std::optional<double> peak_of(const WorkShare& share, const PeakRates& peak) noexcept;

}  // namespace tessera
