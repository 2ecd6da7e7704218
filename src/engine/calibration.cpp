#include "engine/calibration.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph_runner.hpp"
#include "kernels/tiers.hpp"
#include "quantize/smooth.hpp"

namespace tessera {
namespace {

/// For statistics of channels alone: the cheapest ranges.
constexpr CalibrationOptions statistics_only{.method = CalibrationMethod::minmax};

bool is_gelu_output(const Graph& fused, const Uses& uses, ValueId id) {
  const int producer = uses.producer(id);
  if (producer < 0) return false;
  const Node& node = fused.nodes[static_cast<std::size_t>(producer)];
  return node.op == "Gelu" || node.attribute_or<std::string>("activation", "none") == "gelu";
}

}  // namespace

RangeObserver observe_activations(const Graph& fused, const std::vector<QuantizableLayer>& layers,
                                  const CalibrationOptions& how, const CalibrationRun& run, std::string_view activity) {
  const std::map<std::string, int> axes = activations_of(layers, how);
  Graph observed = fused;
  if (how.round_sums) take_sums_apart(observed, layers);
  std::vector<ValueId> ids;
  ids.reserve(axes.size());
  for (const auto& [name, axis] : axes) ids.push_back(observed.find(name));
  // In the order of the graph: what goes wrong is then named where it begins.
  const Uses uses(observed);
  std::ranges::sort(ids, {}, [&](ValueId id) { return uses.producer(id); });
  for (const ValueId id : ids)
    if (std::ranges::find(observed.outputs, id) == observed.outputs.end()) observed.outputs.push_back(id);
  RangeObserver ranges(how);
  if (how.gelu_method)
    for (const ValueId id : ids)
      if (is_gelu_output(observed, uses, id)) ranges.use(observed.value(id).name, *how.gelu_method);
  GraphRunner runner(std::move(observed), best_runnable(cpu_features()), run.threads, run.weights);
  for (std::int64_t i = 0; i < run.items.size; ++i) {
    const Executor& executor = runner.run(run.items.item(i), "calibration");
    for (const BoundPort& port : executor.outputs()) {
      const auto found = axes.find(port.name);
      if (found == axes.end()) continue;
      const int rank = static_cast<int>(port.shape.rank());
      const int axis = found->second < 0 ? rank - 1 : found->second;
      // A view without an owner: the observer reads it before the next inference.
      ranges.observe(port.name, Tensor(port.type, port.shape, nullptr, port.data), axis < rank ? axis : -1);
    }
    if (run.progress) run.progress(activity, i + 1, run.items.size);
  }
  return ranges;
}

Graph CalibratedModel::int8_graph(QuantizedWeightStore& integers, std::set<std::string> float_layers) const {
  Graph graph = parts.standard;
  insert_qdq(graph, parts.layers, ranges, integers, qdq_options(how, std::move(float_layers)));
  return graph;
}

RangeObserver observe_channels(const Graph& fused, const std::vector<QuantizableLayer>& layers,
                               const CalibrationRun& run) {
  return observe_activations(fused, layers, statistics_only, run, "looking at channels");
}

CalibratedModel calibrate(QuantizableModel parts, const CalibrationOptions& how, const CalibrationRun& run,
                          const Graph* fused, const RangeObserver* channels) {
  if (fused == nullptr) fused = &parts.fused;
  if (how.smoothquant) {
    std::optional<RangeObserver> seen;
    if (channels == nullptr) channels = &seen.emplace(observe_channels(*fused, parts.layers, run));
    if (smooth(parts, *channels, *how.smoothquant) > 0) fused = &parts.fused;
  }
  RangeObserver ranges = observe_activations(*fused, parts.layers, how, run);
  return {std::move(parts), std::move(ranges), how};
}

}  // namespace tessera
