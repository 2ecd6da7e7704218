#include "quantize/histogram.hpp"

#include <algorithm>
#include <cmath>

namespace tessera {

void Histogram::add(std::span<const float> elements, float low, float high) {
  seen_.low = seen_.seen == 0 ? low : std::min(seen_.low, low);
  seen_.high = seen_.seen == 0 ? high : std::max(seen_.high, high);
  seen_.seen += static_cast<std::int64_t>(elements.size());
  grow(std::max(std::fabs(static_cast<double>(low)), std::fabs(static_cast<double>(high))));
  if (limit_ == 0) {
    bins_[half] += elements.size();
    return;
  }
  const double scale = half / limit_;
  // Truncation is floor here: all of it is positive.
  for (const float x : elements) ++bins_[static_cast<std::size_t>(static_cast<double>(x) * scale + half)];
}

void Histogram::grow(double magnitude) {
  if (magnitude == 0 || magnitude < limit_) return;
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const double wanted = std::ldexp(1.0, exponent);  // above the magnitude, at most twice it
  if (limit_ > 0) {
    for (double limit = limit_; limit < wanted; limit *= 2) {
      std::vector<std::uint64_t> merged(bins_.size());
      for (int i = 0; i < 2 * half; ++i)
        merged[static_cast<std::size_t>((i + half) / 2)] += bins_[static_cast<std::size_t>(i)];
      bins_ = std::move(merged);
    }
  }
  limit_ = wanted;
}

int Histogram::first() const noexcept {
  int bin = 0;
  while (bin < 2 * half - 1 && bins_[static_cast<std::size_t>(bin)] == 0) ++bin;
  return bin;
}

int Histogram::last() const noexcept {
  int bin = 2 * half - 1;
  while (bin > 0 && bins_[static_cast<std::size_t>(bin)] == 0) --bin;
  return bin;
}

ActivationRange HistogramObserver::range() const {
  const ActivationRange& seen = histogram_.seen();
  if (seen.low == seen.high) return seen;  // a constant needs no choice
  ActivationRange chosen = choose(histogram_);
  chosen.low = std::max(chosen.low, seen.low);
  chosen.high = std::min(chosen.high, seen.high);
  chosen.seen = seen.seen;
  return chosen;
}

}  // namespace tessera
