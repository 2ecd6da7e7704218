// Post-training quantization of a model: observe the activations of the fused f32 graph, then insert QDQ and fold it.
#include <algorithm>

#include "cpu/topology.hpp"
#include "kernels/tiers.hpp"
#include "quantize/insert_qdq.hpp"
#include "runtime/executor.hpp"
#include "runtime/model_impl.hpp"

namespace tessera {
namespace {

/// Batches of seeded data when the caller has none: enough to see the ranges of synthetic activations.
constexpr std::uint64_t synthetic_batches = 4, synthetic_seed = 1000;

/// The extents for synthetic calibration: those of the session, but one item at a time.
std::vector<Binding> synthetic_bindings(const Graph& graph, const SessionOptions& options) {
  std::map<std::string, std::int64_t> extents = options.extents;
  for (const ValueId id : graph.inputs) {
    const std::vector<Dim>& dims = graph.value(id).shape.dims;
    if (!dims.empty() && dims[0].symbolic()) extents[dims[0].symbol()] = 1;
  }
  return bindings_for(graph, extents);
}

/// Identity of calibration data: the addresses of its tensors, or the shape of the synthetic inputs.
std::string key_of(const Graph& graph, const SessionOptions& options) {
  std::string key;
  for (const TensorMap& batch : options.calibration)
    for (const auto& [name, tensor] : batch)
      key += name + "@" + std::to_string(reinterpret_cast<std::uintptr_t>(tensor.data())) + ";";
  if (!options.calibration.empty()) return key;
  for (const Binding& binding : synthetic_bindings(graph, options))
    key += binding.symbol + "=" + std::to_string(binding.extent) + ";";
  return key;
}

/// The extents that a batch of inputs has, as bindings of the graph's symbols.
std::vector<Binding> bindings_of(const Graph& graph, const TensorMap& inputs) {
  std::vector<Binding> bindings;
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    const auto given = inputs.find(value.name);
    if (given == inputs.end())
      reject("calibration", "no data for input " + value.name, "name the arrays as the model names its inputs");
    const Shape& shape = given->second.shape();
    if (given->second.type() != value.type || shape.rank() != value.shape.rank())
      reject("calibration", "data for " + value.name + " is " + std::string(name_of(given->second.type())) + " " +
                                to_string(shape) + ", the model takes " + std::string(name_of(value.type)) + " " +
                                to_string(value.shape));
    for (std::size_t axis = 0; axis < shape.rank(); ++axis)
      if (value.shape.dims[axis].symbolic()) bindings.push_back({value.shape.dims[axis].symbol(), shape[axis]});
  }
  return bindings;
}

class Observation {
 public:
  explicit Observation(const Model::Impl& model)
      : model_(model), graph_(model.fused), names_(values_to_observe(model.fused)) {
    for (const std::string& name : names_) {
      const ValueId id = graph_.find(name);
      if (std::find(graph_.outputs.begin(), graph_.outputs.end(), id) == graph_.outputs.end())
        graph_.outputs.push_back(id);
    }
  }

  void add(const TensorMap& batch) {
    const std::vector<Binding> bindings = bindings_of(model_.fused, batch);
    if (executor_ == nullptr || !same(bindings)) compile(bindings);
    for (const Port& port : executor_->plan().inputs) {
      const Tensor& tensor = batch.at(port.name);
      if (!(tensor.shape() == port.shape))
        reject("calibration", "data for " + port.name + " has shape " + to_string(tensor.shape()));
      std::copy_n(tensor.data(), tensor.bytes(), executor_->data(port.buffer));
    }
    executor_->infer();
    for (const Port& port : executor_->plan().outputs) {
      if (std::find(names_.begin(), names_.end(), port.name) == names_.end()) continue;
      // A view without an owner: the observer reads it before the next inference.
      ranges.observe(port.name, Tensor(port.type, port.shape, nullptr, executor_->data(port.buffer)));
    }
  }

  RangeObserver ranges;

 private:
  bool same(const std::vector<Binding>& bindings) const {
    return std::equal(bindings.begin(), bindings.end(), bindings_.begin(), bindings_.end(),
                      [](const Binding& a, const Binding& b) { return a.symbol == b.symbol && a.extent == b.extent; });
  }

  void compile(const std::vector<Binding>& bindings) {
    Graph bound = graph_;
    bind_shapes(bound, bindings);
    const Isa isa = best_runnable(cpu_features());
    executor_ = std::make_unique<Executor>(make_plan(bound, isa, model_.weights), detect_topology().usable_cpus(),
                                           std::span<const int>{});
    bindings_ = bindings;
  }

  const Model::Impl& model_;
  Graph graph_;
  std::vector<std::string> names_;
  std::vector<Binding> bindings_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace

std::shared_ptr<const Graph> quantized_graph(const Model::Impl& model, const SessionOptions& options) {
  const std::lock_guard lock(model.quantized_mutex);
  Model::Impl::Quantized& cached = model.quantized[key_of(model.fused, options)];
  if (cached.graph != nullptr) return cached.graph;

  Observation observation(model);
  if (options.calibration.empty()) {
    const std::vector<Binding> bindings = synthetic_bindings(model.fused, options);
    for (std::uint64_t i = 0; i < synthetic_batches; ++i)
      observation.add(make_random_inputs(model.source, bindings, synthetic_seed + i));
  } else {
    for (const TensorMap& batch : options.calibration) observation.add(batch);
  }
  auto graph = std::make_shared<Graph>(model.fused);
  insert_qdq(*graph, observation.ranges);
  run_passes(*graph, quantized_passes(), nullptr);
  cached = {std::move(graph), options.calibration};
  return cached.graph;
}

}  // namespace tessera
