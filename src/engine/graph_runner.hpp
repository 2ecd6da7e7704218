// GraphRunner: runs one graph on items whose shapes may differ, as calibration and scoring do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/stream.hpp"
#include "ops/op.hpp"
#include "tessera/tensor_map.hpp"

namespace tessera {

class GraphRunner {
 public:
  /// Shapes of the graph are symbolic. Plans take and leave packed weights in `weights`, which outlives this.
  GraphRunner(Graph graph, Isa isa, int threads, WeightStore& weights);

  /// The executor after an inference on `inputs`: its outputs can be read until the next run. Errors name `subject`.
  Executor& run(const TensorMap& inputs, const std::string& subject);
  /// The same without the inference.
  Executor& prepare(const TensorMap& inputs, const std::string& subject);

  /// A copy of the first output after run().
  [[nodiscard]] static Tensor first_output(const Executor& executor);

 private:
  PlanCache plans_;
  Stream stream_;
};

}  // namespace tessera
