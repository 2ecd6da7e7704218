// MSE: the range for which rounding inside and clipping outside cost least together, in mean squared error.
#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/histogram.hpp"

namespace tessera {
namespace {

constexpr int levels = 255, candidates = 64, rounds = 2;

class MseObserver final : public HistogramObserver {
  [[nodiscard]] ActivationRange choose(const Histogram& histogram) const override {
    const double low = std::min(0.0, static_cast<double>(histogram.seen().low));
    const double high = std::max(0.0, static_cast<double>(histogram.seen().high));
    double best_low = low, best_high = high;
    // One end after the other: the best place of one depends little on the other.
    for (int round = 0; round < rounds; ++round) {
      best_high = best(high, [&](double end) { return error(histogram, best_low, end); });
      best_low = best(low, [&](double end) { return error(histogram, end, best_high); });
    }
    return {static_cast<float>(best_low), static_cast<float>(best_high), 0};
  }

  /// The fraction of `end` with the smallest error; the widest of equal ones.
  template <typename Error>
  static double best(double end, const Error& error_of) {
    double chosen = end, least = std::numeric_limits<double>::infinity();
    for (int i = candidates; i > 0 && end != 0; --i) {
      const double candidate = end * i / candidates;
      if (const double e = error_of(candidate); e < least) {
        least = e;
        chosen = candidate;
      }
    }
    return chosen;
  }

  static double error(const Histogram& histogram, double low, double high) {
    const double step = (high - low) / levels;
    if (step <= 0) return std::numeric_limits<double>::infinity();
    // Bins wider than a step say nothing about where between two levels their elements lie.
    const bool fine = histogram.width() < step;
    double sum = 0;
    for (int i = histogram.first(), last = histogram.last(); i <= last; ++i) {
      const auto count = static_cast<double>(histogram.bins()[static_cast<std::size_t>(i)]);
      if (count == 0) continue;
      const double x = histogram.centre(i);
      const double inside = std::clamp(x, low, high);
      const double rounded = fine ? std::nearbyint(inside / step) * step : inside;
      const double noise = fine ? 0 : step * step / 12;
      sum += count * ((x - rounded) * (x - rounded) + noise);
    }
    return sum;
  }
};

}  // namespace

std::unique_ptr<Observer> make_mse_observer() {
  return std::make_unique<MseObserver>();
}

}  // namespace tessera
