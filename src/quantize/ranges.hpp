// Ranges: what calibration learns about activations.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/tensor.hpp"
#include "graph/graph.hpp"

namespace tessera {

/// Smallest and largest element seen.
struct ActivationRange {
  float low = 0, high = 0;
  std::int64_t seen = 0;  ///< elements
};

/// Min-max observer over any number of batches; memory is one ActivationRange per value.
class RangeObserver {
 public:
  /// Widens the range of `name`. Error{invalid} naming the value when it holds a NaN or an infinity.
  void observe(const std::string& name, const Tensor& tensor);

  /// The interval of a value; Error{failed} when it was never observed.
  [[nodiscard]] const ActivationRange& of(const std::string& name) const;

 private:
  std::map<std::string, ActivationRange> intervals_;
};

/// u8 parameters for an interval widened to hold 0, which is represented exactly: scale = (high - low) / 255.
/// A constant zero gets scale 1.
Quantization activation_quantization(const ActivationRange& interval);

/// Symmetric s8 parameters per slice of `axis`: scale = max|w| / 127, zero point 0; and the rounded weights.
struct QuantizedWeights {
  Tensor values;
  Quantization quantization;
};
QuantizedWeights quantize_weights(const Tensor& weights, int axis);

}  // namespace tessera
