// Post-training quantization of a model: observe the activations of the fused f32 graph, insert QDQ into the standard
// one, and fuse that. The file that `tessera quantize` writes is this same graph before it is fused, so loading it
// again gives the same plan.
#include "engine/calibrate.hpp"

#include <algorithm>

#include "cpu/topology.hpp"
#include "engine/graph_runner.hpp"
#include "kernels/tiers.hpp"
#include "quantize/insert_qdq.hpp"
#include "quantize/smooth.hpp"

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

/// Identity of calibration: the addresses of the data's tensors, or the shape of the synthetic inputs; and the options.
std::string key_of(const Graph& graph, const SessionOptions& options) {
  const CalibrationOptions& how = options.calibration_options;
  std::string key = std::string(name_of(how.method)) + " " +
                    (how.gelu_method ? std::string(name_of(*how.gelu_method)) : "-") + " " +
                    std::to_string(how.percentile) + " " + (how.smoothquant ? std::to_string(*how.smoothquant) : "-") +
                    (how.bias_correction ? " corrected " : " ") + (how.int8_residual ? "residual " : "") +
                    (how.round_sums ? "sums " : "") + std::string(name_of(how.attention)) + ";";
  for (const TensorMap& batch : options.calibration)
    for (const auto& [name, tensor] : batch)
      key += name + "@" + std::to_string(reinterpret_cast<std::uintptr_t>(tensor.data())) + ";";
  if (!options.calibration.empty()) return key;
  for (const Binding& binding : synthetic_bindings(graph, options))
    key += binding.symbol + "=" + std::to_string(binding.extent) + ";";
  return key;
}

ItemSource items_of(const Model::Impl& model, const SessionOptions& options) {
  if (!options.calibration.empty())
    return {static_cast<std::int64_t>(options.calibration.size()),
            [&](std::int64_t i) { return options.calibration[static_cast<std::size_t>(i)]; },
            {}};
  return {synthetic_batches,
          [&, bindings = synthetic_bindings(model.fused, options)](std::int64_t i) {
            return make_random_inputs(model.source, bindings, synthetic_seed + static_cast<std::uint64_t>(i));
          },
          {}};
}

bool is_gelu_output(const Graph& fused, const Uses& uses, ValueId id) {
  const int producer = uses.producer(id);
  if (producer < 0) return false;
  const Node& node = fused.nodes[static_cast<std::size_t>(producer)];
  return node.op == "Gelu" || node.attribute_or<std::string>("activation", "none") == "gelu";
}

}  // namespace

RangeObserver observe_activations(const Graph& fused, const std::vector<QuantizableLayer>& layers,
                                  const ItemSource& items, const CalibrationOptions& options, int threads,
                                  WeightStore& weights, const CalibrationProgress& progress) {
  const std::map<std::string, int> axes = activations_of(layers, options);
  Graph observed = fused;
  if (options.round_sums) take_sums_apart(observed, layers);
  std::vector<ValueId> ids;
  ids.reserve(axes.size());
  for (const auto& [name, axis] : axes) ids.push_back(observed.find(name));
  // In the order of the graph: what goes wrong is then named where it begins.
  const Uses uses(observed);
  std::ranges::sort(ids, {}, [&](ValueId id) { return uses.producer(id); });
  for (const ValueId id : ids)
    if (std::ranges::find(observed.outputs, id) == observed.outputs.end()) observed.outputs.push_back(id);
  RangeObserver ranges(options);
  if (options.gelu_method)
    for (const ValueId id : ids)
      if (is_gelu_output(observed, uses, id)) ranges.use(observed.value(id).name, *options.gelu_method);
  GraphRunner runner(std::move(observed), best_runnable(cpu_features()), threads, weights);
  for (std::int64_t i = 0; i < items.size; ++i) {
    const Executor& executor = runner.run(items.item(i), "calibration");
    for (const BoundPort& port : executor.outputs()) {
      const auto found = axes.find(port.name);
      if (found == axes.end()) continue;
      const int rank = static_cast<int>(port.shape.rank());
      const int axis = found->second < 0 ? rank - 1 : found->second;
      // A view without an owner: the observer reads it before the next inference.
      ranges.observe(port.name, Tensor(port.type, port.shape, nullptr, port.data), axis < rank ? axis : -1);
    }
    if (progress) progress(i + 1);
  }
  return ranges;
}

bool is_quantized(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [&](const Node& node) {
    const bool narrows = node.op == "Cast" && graph.value(node.outputs[0]).type == DataType::bf16;
    return node.op == "QuantizeLinear" || node.op == "DequantizeLinear" || node.op.starts_with("QLinear") || narrows;
  });
}

std::shared_ptr<const Graph> quantized_graph(const Model::Impl& model, const SessionOptions& options) {
  const std::lock_guard lock(model.quantized_mutex);
  Model::Impl::Quantized& cached = model.quantized[key_of(model.fused, options)];
  if (cached.graph != nullptr) return cached.graph;
  if (model.quantized_by_file) return cached.graph = std::make_shared<Graph>(model.fused);

  const int threads = detect_topology().usable_cpus();
  const CalibrationOptions& how = options.calibration_options;
  const ItemSource items = items_of(model, options);
  QuantizableModel parts = find_layers(standard_graph(model));
  const Graph* fused = &model.fused;
  if (how.smoothquant) {
    const RangeObserver statistics =
        observe_activations(*fused, parts.layers, items, statistics_only, threads, model.weights);
    if (smooth(parts, statistics, *how.smoothquant) > 0) fused = &parts.fused;
  }
  const RangeObserver ranges = observe_activations(*fused, parts.layers, items, how, threads, model.weights);
  auto graph = std::make_shared<Graph>(std::move(parts.standard));
  QuantizedWeightStore weights;
  insert_qdq(*graph, parts.layers, ranges, weights, qdq_options(how));
  run_passes(*graph, fusing_passes(), nullptr);
  cached = {std::move(graph), options.calibration};
  return cached.graph;
}

}  // namespace tessera
