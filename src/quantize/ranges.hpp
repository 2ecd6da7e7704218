// Ranges: what calibration learns about all activations of a model.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "quantize/observer.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// Sum and largest magnitude of every channel of an activation.
struct ChannelStatistics {
  std::vector<double> sum;
  std::vector<float> largest;
  std::int64_t count = 0;  ///< elements per channel

  void add(const Tensor& tensor, std::size_t axis);
  [[nodiscard]] double mean(std::size_t channel) const { return sum[channel] / static_cast<double>(count); }
};

/// One observer per activation, and statistics of its channels where these are wanted. Memory is that of the observers.
class RangeObserver {
 public:
  explicit RangeObserver(CalibrationOptions options = {}) : options_(options) {}

  /// Another method for this activation than that of the options; asked for before its first item.
  void use(const std::string& name, CalibrationMethod method) { methods_[name] = method; }

  /// Shows `name` one item. `channel_axis` < 0: no statistics of channels. Error{invalid} naming the value when it
  /// holds a NaN or an infinity.
  void observe(const std::string& name, const Tensor& tensor, int channel_axis = -1);

  /// The range of a value; Error{failed} when it was never observed.
  [[nodiscard]] ActivationRange of(const std::string& name) const;
  /// Null when they were not asked for.
  [[nodiscard]] const ChannelStatistics* channels(const std::string& name) const;
  /// Values that never changed, with the constant: "x is 0 everywhere".
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct Seen {
    std::unique_ptr<Observer> observer;
    ActivationRange extremes;
    ChannelStatistics channels;
  };
  CalibrationOptions options_;
  std::map<std::string, CalibrationMethod> methods_;
  std::map<std::string, Seen> seen_;
};

/// u8 parameters for an interval widened to hold 0, which is represented exactly: scale = (high - low) / 255.
/// A constant zero gets scale 1.
Quantization activation_quantization(const ActivationRange& interval);

}  // namespace tessera
