// Histogram of a stream whose range is not known in advance. Bins lie symmetrically about zero and their width is a
// power of two: when an element falls outside, pairs of bins merge and the range doubles, so no element is ever looked
// at twice and the result does not depend on the order of the data.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "quantize/observer.hpp"

namespace tessera {

class Histogram {
 public:
  static constexpr int half = 4096;  ///< bins on each side of zero

  Histogram() : bins_(2 * half) {}

  void add(std::span<const float> elements, float low, float high);

  [[nodiscard]] const std::vector<std::uint64_t>& bins() const noexcept { return bins_; }
  /// Width of a bin. Bin i holds [edge(i), edge(i + 1)).
  [[nodiscard]] double width() const noexcept { return limit_ / half; }
  [[nodiscard]] double edge(int bin) const noexcept { return (bin - half) * width(); }
  [[nodiscard]] double centre(int bin) const noexcept { return (bin - half + 0.5) * width(); }
  /// First and last bin that are not empty.
  [[nodiscard]] int first() const noexcept;
  [[nodiscard]] int last() const noexcept;
  /// What was really seen, narrower than the bins.
  [[nodiscard]] const ActivationRange& seen() const noexcept { return seen_; }

 private:
  void grow(double magnitude);

  std::vector<std::uint64_t> bins_;
  double limit_ = 0;  ///< bins cover [-limit, limit); a power of two; 0 while only zeros were seen
  ActivationRange seen_;
};

/// An observer that chooses its range from a histogram at the end.
class HistogramObserver : public Observer {
 public:
  void add(std::span<const float> elements, float low, float high) final { histogram_.add(elements, low, high); }
  [[nodiscard]] ActivationRange range() const final;

 protected:
  [[nodiscard]] virtual ActivationRange choose(const Histogram& histogram) const = 0;

 private:
  Histogram histogram_;
};

}  // namespace tessera
