#include "engine/calibration_cache.hpp"

#include <algorithm>
#include <chrono>

#include "core/error.hpp"
#include "cpu/topology.hpp"
#include "engine/calibration.hpp"
#include "engine/model_impl.hpp"
#include "passes/pass.hpp"

namespace tessera {
namespace {

/// Batches of seeded data when the caller has none: enough to see the ranges of synthetic activations.
constexpr std::int64_t synthetic_batches = 4;
constexpr std::uint64_t synthetic_seed = 1000;

constexpr const char* remedy_without_calibration =
    "give real inputs (--calibration DIR|FILE), quantize the model first, or insist on seeded random ones, whose "
    "ranges "
    "are not those of real inputs (--calibration synthetic)";

/// The extents for synthetic calibration: those of the session, but one item at a time.
std::vector<Binding> synthetic_bindings(const Graph& graph, const SessionOptions& options) {
  std::map<std::string, std::int64_t> extents = options.extents;
  for (const ValueId id : graph.inputs) {
    const std::vector<Dim>& dims = graph.value(id).shape.dims;
    if (!dims.empty() && dims[0].symbolic()) extents[dims[0].symbol()] = 1;
  }
  return bindings_for(graph, extents);
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

Graph fused_int8_graph(const Model::Impl& model, const SessionOptions& options) {
  if (options.calibration.empty() && !model.synthetic && !options.calibration_options.synthetic)
    reject("int8 of " + model.name, "there are no calibration data", remedy_without_calibration);
  const ItemSource items = items_of(model, options);
  const CalibrationRun run{items, detect_topology().usable_cpus(), model.weights};
  QuantizedWeightStore integers;
  Graph graph = calibrate(find_layers(standard_graph(model)), options.calibration_options, run, &model.fused)
                    .int8_graph(integers);
  run_passes(graph, fusing_passes(), nullptr);
  return graph;
}

}  // namespace

CalibrationCache::Key CalibrationCache::key_of(const Graph& graph, const SessionOptions& options) {
  // All members by name: this stops compiling when one is added, which must be part of the key, too.
  const auto& [method, gelu_method, percentile, smoothquant, bias_correction, attention, int8_residual, round_sums,
               synthetic] = options.calibration_options;
  Key key{
      {method, gelu_method, percentile, smoothquant, bias_correction, attention, int8_residual, round_sums, synthetic},
      {},
      {}};
  for (const TensorMap& batch : options.calibration)
    for (const auto& [name, tensor] : batch) key.tensors.emplace_back(name, tensor.data());
  if (options.calibration.empty())
    for (const Binding& binding : synthetic_bindings(graph, options))
      key.extents.emplace_back(binding.symbol, binding.extent);
  return key;
}

std::shared_ptr<const Graph> CalibrationCache::int8_graph(const Model::Impl& model, const SessionOptions& options,
                                                          PreparationInfo& preparation) {
  Key key = key_of(model.fused, options);
  const std::lock_guard lock(mutex_);
  auto entry = std::ranges::find(entries_, key, &Entry::key);
  preparation.calibration_shared = entry != entries_.end();
  if (!preparation.calibration_shared) {
    const auto begin = std::chrono::steady_clock::now();
    auto graph = std::make_shared<const Graph>(fused_int8_graph(model, options));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    entry = entries_.insert(entries_.end(), {std::move(key), options.calibration, std::move(graph), seconds});
  }
  preparation.calibration_seconds = entry->seconds;
  return entry->graph;
}

}  // namespace tessera
