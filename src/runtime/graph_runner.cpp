#include "runtime/graph_runner.hpp"

#include <algorithm>
#include <utility>

namespace tessera {
namespace {

/// Plans for other shapes are kept while their memory together stays below this.
constexpr std::size_t most_arena_bytes = std::size_t{192} << 20;

bool same(const std::vector<Binding>& a, const std::vector<Binding>& b) {
  return std::ranges::equal(
      a, b, [](const Binding& x, const Binding& y) { return x.symbol == y.symbol && x.extent == y.extent; });
}

}  // namespace

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
    : graph_(std::move(graph)), isa_(isa), threads_(threads), weights_(weights) {}

Executor& GraphRunner::prepare(const TensorMap& inputs, const std::string& subject) {
  std::vector<Binding> bindings = bindings_of(graph_, inputs, subject);
  const auto known = std::ranges::find_if(entries_, [&](const Entry& entry) { return same(entry.bindings, bindings); });
  if (known != entries_.end()) {
    std::rotate(known, known + 1, entries_.end());
  } else {
    Graph bound = graph_;
    bind_shapes(bound, bindings);
    if (arena_bytes_ > most_arena_bytes) {
      entries_.clear();
      arena_bytes_ = 0;
    }
    auto executor =
        std::make_unique<Executor>(make_plan(bound, isa_, weights_, threads_), threads_, std::span<const int>{});
    arena_bytes_ += executor->arena_bytes();
    entries_.push_back({std::move(bindings), std::move(executor)});
  }
  Executor& executor = *entries_.back().executor;
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
