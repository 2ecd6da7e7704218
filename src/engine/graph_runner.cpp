#include "engine/graph_runner.hpp"

#include <algorithm>
#include <utility>

#include "core/error.hpp"
#include "engine/model_impl.hpp"

namespace tessera {

GraphRunner::GraphRunner(Graph graph, Isa isa, int threads, WeightStore& weights)
    : plans_(std::move(graph), {.isa = isa, .threads = threads, .split_batch = false}, weights), stream_(threads, {}) {}

Executor& GraphRunner::prepare(const TensorMap& inputs, const std::string& subject) {
  Executor& executor = stream_.prepare(plans_.get(bindings_of(plans_.graph(), inputs, subject)));
  for (const BoundPort& port : executor.inputs()) {
    const Tensor& tensor = inputs.at(port.name);
    if (!(tensor.shape() == port.shape))
      reject(subject, "data for " + port.name + " has shape " + to_string(tensor.shape()) + ", the model takes " +
                          to_string(port.shape));
    std::copy_n(tensor.data(), tensor.bytes(), port.data);
  }
  return executor;
}

Executor& GraphRunner::run(const TensorMap& inputs, const std::string& subject) {
  Executor& executor = prepare(inputs, subject);
  executor.infer();
  return executor;
}

Tensor GraphRunner::first_output(const Executor& executor) {
  const BoundPort& port = executor.outputs().front();
  Tensor tensor(port.type, port.shape);
  std::copy_n(port.data, tensor.bytes(), tensor.mutable_data());
  return tensor;
}

}  // namespace tessera
