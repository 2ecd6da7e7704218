// Observer: sees every element of one activation, item by item, and says which range is worth representing. Memory does
// not depend on how much it has seen.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "tessera/quantization.hpp"

namespace tessera {

/// The reals that u8 shall cover.
struct ActivationRange {
  float low = 0, high = 0;
  std::int64_t seen = 0;  ///< elements
};

class Observer {
 public:
  virtual ~Observer() = default;

  /// The elements of one item; none is NaN or infinite. `low` and `high` are the smallest and the largest of them.
  virtual void add(std::span<const float> elements, float low, float high) = 0;
  /// Asked after at least one add().
  [[nodiscard]] virtual ActivationRange range() const = 0;
};

std::unique_ptr<Observer> make_observer(const CalibrationOptions& options);

// One file each.
std::unique_ptr<Observer> make_minmax_observer();
std::unique_ptr<Observer> make_moving_average_observer();
std::unique_ptr<Observer> make_percentile_observer(double percentile);
std::unique_ptr<Observer> make_entropy_observer();
std::unique_ptr<Observer> make_mse_observer();

}  // namespace tessera
