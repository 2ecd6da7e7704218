// How far the outputs of a case are from those of the FP32 case on the same inputs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tessera/quantization.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

struct Accuracy {
  double cosine = 0;          ///< 1: same direction
  double sqnr_db = 0;         ///< 10 log10(signal power / error power); infinite when the outputs are equal
  double top1_agreement = 0;  ///< share of rows (last axis) whose largest element is the same one
  double relative_l2 = 0;     ///< ||candidate - reference|| / ||reference||
  int inputs = 0;             ///< how many inputs were compared
};

/// Whether an output is one row of classes for each of so many samples.
bool gives_classes(const Tensor& output, std::int64_t samples);

/// The labels of an item's samples, as far as they have any.
std::vector<std::optional<std::int64_t>> labels_of(const ItemSource& items, std::int64_t item);

/// How many rows (last axis) of an f32 output have their largest element at their label; a row without one never has.
std::int64_t rows_at_their_label(const Tensor& output, std::span<const std::optional<std::int64_t>> labels);

/// Adds up over any number of inputs, so that the figures are those of all of them together.
class AccuracyMeter {
 public:
  /// f32 tensors of equal shape; Error{invalid} otherwise, and Error{failed} for a candidate that is not finite.
  void add(const Tensor& reference, const Tensor& candidate);
  [[nodiscard]] Accuracy result() const noexcept;

 private:
  double dot_ = 0, reference_power_ = 0, candidate_power_ = 0, error_power_ = 0;
  std::int64_t rows_ = 0, agreeing_rows_ = 0;
  int inputs_ = 0;
};

}  // namespace tessera
