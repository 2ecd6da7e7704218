#include "engine/graph_runner.hpp"

#include <algorithm>
#include <utility>

#include "core/error.hpp"

namespace tessera {

std::vector<Binding> bindings_of(const Graph& graph, const TensorMap& inputs, const std::string& subject) {
  std::vector<Binding> bindings;
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    const auto given = inputs.find(value.name);
    if (given == inputs.end())
      reject(subject, "no data for input " + value.name, "name the arrays as the model names its inputs");
    const Shape& shape = given->second.shape();
    if (given->second.type() != value.type || shape.rank() != value.shape.rank())
      reject(subject, "data for " + value.name + " is " + std::string(name_of(given->second.type())) + " " +
                          to_string(shape) + ", the model takes " + std::string(name_of(value.type)) + " " +
                          to_string(value.shape));
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (!value.shape.dims[axis].symbolic()) continue;
      const std::string& symbol = value.shape.dims[axis].symbol();
      const auto known = std::ranges::find_if(bindings, [&](const Binding& b) { return b.symbol == symbol; });
      if (known == bindings.end())
        bindings.push_back({symbol, shape[axis]});
      else if (known->extent != shape[axis])
        reject(subject, "extent " + symbol + " is " + std::to_string(known->extent) + " and, in " + value.name + ", " +
                            std::to_string(shape[axis]));
    }
  }
  return bindings;
}

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
