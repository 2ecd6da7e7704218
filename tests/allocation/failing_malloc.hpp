// malloc and its relatives of the whole program, libraries included, which fail when they are told to.
#pragma once

namespace tessera::testing {

enum class Failing { none, once, lasting };

/// From here on allocations are counted, and the one with the number `first` (from 1) fails, or it and all behind it.
void begin_failing(Failing how, long first) noexcept;
/// Allocations that the code of ICU makes neither fail nor count. Not for good: until it is said again with false.
void spare_icu(bool spared) noexcept;

/// Memory is there again. The number of allocations since begin_failing().
long end_failing() noexcept;

/// From here on a crash says which allocation had failed.
void name_failure_in_crashes() noexcept;

}  // namespace tessera::testing
