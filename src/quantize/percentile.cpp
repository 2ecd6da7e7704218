// Percentile: the rarest elements, half of them at each end, are clipped.
#include "quantize/histogram.hpp"

namespace tessera {
namespace {

class PercentileObserver final : public HistogramObserver {
 public:
  explicit PercentileObserver(double percentile) : percentile_(percentile) {}

 private:
  [[nodiscard]] ActivationRange choose(const Histogram& histogram) const override {
    const double cut = static_cast<double>(histogram.seen().seen) * (1 - percentile_ / 100) / 2;
    const auto count = [&](int bin) { return static_cast<double>(histogram.bins()[static_cast<std::size_t>(bin)]); };
    // Whole bins go while no more than `cut` elements go with them.
    int low = histogram.first(), high = histogram.last();
    for (double gone = count(low); gone <= cut && low < high; gone += count(low)) ++low;
    for (double gone = count(high); gone <= cut && high > low; gone += count(high)) --high;
    return {static_cast<float>(histogram.edge(low)), static_cast<float>(histogram.edge(high + 1)), 0};
  }

  double percentile_;
};

}  // namespace

std::unique_ptr<Observer> make_percentile_observer(double percentile) {
  return std::make_unique<PercentileObserver>(percentile);
}

}  // namespace tessera
