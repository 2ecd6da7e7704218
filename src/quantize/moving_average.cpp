// Moving average: each item's minimum and maximum pull the range towards themselves. One unusual item counts little;
// the range then clips what is rare.
#include "quantize/observer.hpp"

namespace tessera {
namespace {

/// Weight of one item, once a hundred have been seen; until then it is the plain mean.
constexpr double least_weight = 0.01;

class MovingAverageObserver final : public Observer {
 public:
  void add(std::span<const float> elements, float low, float high) override {
    ++items_;
    const double plain = 1.0 / static_cast<double>(items_);
    const double weight = plain > least_weight ? plain : least_weight;
    low_ += weight * (static_cast<double>(low) - low_);
    high_ += weight * (static_cast<double>(high) - high_);
    seen_ += static_cast<std::int64_t>(elements.size());
  }
  [[nodiscard]] ActivationRange range() const override {
    return {static_cast<float>(low_), static_cast<float>(high_), seen_};
  }

 private:
  double low_ = 0, high_ = 0;
  std::int64_t items_ = 0, seen_ = 0;
};

}  // namespace

std::unique_ptr<Observer> make_moving_average_observer() {
  return std::make_unique<MovingAverageObserver>();
}

}  // namespace tessera
