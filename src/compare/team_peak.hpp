// What a whole thread team reaches at most: what fractions of peak in the report are fractions of.
#pragma once

#include "compare/peak_rates.hpp"
#include "tessera/isa.hpp"

namespace tessera {

/// All threads run the peak loops of the tier at once, pinned as sessions pin them; their rates are added up. About 60
/// ms.
PeakRates measure_team_peak(Isa ceiling, int threads);

/// 1e9 bytes per second that all threads together read and write when each copies arrays that no cache holds, the best
/// of several passes. About 100 ms and 256 MiB. Error{failed} when there is no memory.
double measure_team_bandwidth(int threads);

}  // namespace tessera
