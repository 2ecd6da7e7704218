// The measured peak of a whole thread team: what fractions of peak in the report are fractions of.
#pragma once

#include "compare/report.hpp"

namespace tessera {

/// All threads run the peak loops of the tier at once, pinned as sessions pin them; their rates are added up. About 60
/// ms.
PeakRates measure_team_peak(Isa ceiling, int threads);

}  // namespace tessera
