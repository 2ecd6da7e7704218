// Scores a graph on items against the FP32 model.
#pragma once

#include <memory>
#include <vector>

#include "engine/graph_runner.hpp"
#include "quantize/accuracy.hpp"
#include "tessera/quantization.hpp"

namespace tessera {

struct Score {
  double points = 0;  ///< by the metric; 100 is best
  Accuracy accuracy;  ///< against FP32
};

class Scorer {
 public:
  /// `reference` runs the FP32 graph. Chooses the metric when it is automatic. Error{invalid} when the metric does not
  /// fit the data or the outputs.
  Scorer(GraphRunner& reference, const ItemSource& items, ScoreMetric metric);

  using Progress = std::function<void(std::int64_t done)>;
  [[nodiscard]] Score of_reference(const Progress& progress);
  /// On the first `limit` items; 0: all.
  [[nodiscard]] Score of(GraphRunner& candidate, std::int64_t limit, const Progress& progress);
  [[nodiscard]] ScoreMetric metric() const noexcept { return metric_; }

 private:
  [[nodiscard]] ScoreMetric choose(ScoreMetric wanted);
  [[nodiscard]] Tensor reference_output(std::int64_t index, const TensorMap& item);

  GraphRunner& reference_;
  const ItemSource& items_;
  std::vector<Tensor> kept_;  ///< outputs of the reference, as far as they fit
  std::size_t kept_bytes_ = 0;
  ScoreMetric metric_;
};

}  // namespace tessera
