// A clock for code with tiles. What runs on the other hardware thread of a core can make tile instructions take two to
// five times as long, for milliseconds or whole seconds, while other code hardly shows it. So a sample of such code
// counts only between two runs of a step whose time is known.
#pragma once

#include <algorithm>
#include <limits>

namespace tessera {

/// Seconds of one step of 2x2 tiles from L1: four loads and four products, 64 cycles where nobody disturbs it. The
/// lesser of two runs of 60 steps, some microseconds. Only where tiles may be used.
double tile_step_seconds() noexcept;

/// Whether a sample between two steps of these times was left alone: both were fast, and the clock did not change.
bool undisturbed(double before, double after) noexcept;

struct LeastTime {
  double seconds = std::numeric_limits<double>::infinity();
  bool disturbed = false;  ///< no sample was left alone: this is the least of all
};

/// The least of samples that are taken one after the other; with tiles, of those that were left alone.
class LeastTimes {
 public:
  explicit LeastTimes(bool with_tiles) : with_tiles_(with_tiles), before_(with_tiles ? tile_step_seconds() : 0) {}

  /// Right behind each sample: what it took.
  void add(double seconds) {
    of_all_ = std::min(of_all_, seconds);
    const double after = with_tiles_ ? tile_step_seconds() : 0;
    if (!with_tiles_ || undisturbed(before_, after)) {
      ++counted_;
      of_counted_ = std::min(of_counted_, seconds);
    }
    before_ = after;
  }
  /// Samples that were left alone.
  [[nodiscard]] int counted() const { return counted_; }
  [[nodiscard]] LeastTime least() const {
    return counted_ > 0 ? LeastTime{of_counted_} : LeastTime{of_all_, with_tiles_};
  }

 private:
  bool with_tiles_;
  double before_;
  double of_all_ = std::numeric_limits<double>::infinity(), of_counted_ = of_all_;
  int counted_ = 0;
};

/// Of `wanted` samples, for which up to four times as many are taken. `sample` gives the seconds of one.
template <class Sample>
LeastTime least_time(bool with_tiles, int wanted, Sample sample) {
  LeastTimes times(with_tiles);
  for (int i = 0; i < 4 * wanted && times.counted() < wanted; ++i) times.add(sample());
  return times.least();
}

}  // namespace tessera
