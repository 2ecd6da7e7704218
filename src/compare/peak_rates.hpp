// What this machine reaches at most, as it was measured: what rates in reports are shares of.
#pragma once

#include <optional>

namespace tessera {

/// Multiply-add rates this machine reached in a loop without memory traffic, all threads together.
struct PeakRates {
  std::optional<double> fp32_gflops, bf16_gflops, int8_gops;
};

}  // namespace tessera
