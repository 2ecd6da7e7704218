// Min-max: everything that was seen is represented. Nothing is ever clipped, so one outlier widens every step.
#include <algorithm>

#include "quantize/observer.hpp"

namespace tessera {
namespace {

class MinMaxObserver final : public Observer {
 public:
  void add(std::span<const float> elements, float low, float high) override {
    range_.low = range_.seen == 0 ? low : std::min(range_.low, low);
    range_.high = range_.seen == 0 ? high : std::max(range_.high, high);
    range_.seen += static_cast<std::int64_t>(elements.size());
  }
  [[nodiscard]] ActivationRange range() const override { return range_; }

 private:
  ActivationRange range_;
};

}  // namespace

std::unique_ptr<Observer> make_minmax_observer() {
  return std::make_unique<MinMaxObserver>();
}

}  // namespace tessera
