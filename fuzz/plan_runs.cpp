#include "plan_runs.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "compile/batch_items.hpp"
#include "compile/make_plan.hpp"
#include "compile/plan_family.hpp"
#include "cpu/features.hpp"
#include "engine/batch_split.hpp"
#include "engine/model_impl.hpp"
#include "kernels/tiers.hpp"
#include "run/executor.hpp"

namespace tessera::fuzzing {
namespace {

std::int64_t elements_of(const Graph& bound, ValueId id) {
  return id == no_value ? 0 : bound.value(id).shape.to_shape().elements();
}

BatchPlans plans_of(BoundGraph& batch, BoundGraph& part, const std::vector<Binding>& extents, Isa isa, bool apart,
                    WeightStore& weights) {
  const Graph& bound = batch.with(extents);
  BatchSplit split;
  const std::vector<Binding> one = with_items(part.symbolic(), extents, 1);
  const Graph* const item = apart ? one_item(part, extents) : nullptr;
  for (std::size_t i = 0; item != nullptr && i < one.size(); ++i) {
    if (one[i].extent == extents[i].extent || why_not_by_item(*item, bound, extents[i].extent)) continue;
    split.part = 1;
    split.parts = extents[i].extent;
  }
  PlanFamily family;
  return plan_batch(part, bound, extents, split,
                    [&](const Graph& graph, Division) { return make_plan(graph, isa, weights, 1, nullptr, &family); });
}

}  // namespace

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<Binding> small_extents(const Graph& graph) {
  return bindings_for(graph, {{"batch", 3}, {"seq", 4}, {"side", 6}});
}

bool is_small(const Graph& bound) {
  constexpr std::int64_t most_elements = 1 << 14, most_work = 1 << 24;
  std::int64_t work = 0;
  for (const Value& value : bound.values) {
    if (!value.shape.ranked) continue;
    if (!value.shape.concrete() || value.shape.to_shape().elements() > most_elements) return false;
  }
  for (const Node& node : bound.nodes) {
    std::int64_t read = 1, written = 1;
    for (const ValueId id : node.inputs) read = std::max(read, elements_of(bound, id));
    for (const ValueId id : node.outputs) written = std::max(written, elements_of(bound, id));
    for (const char* window : {"kernel_shape", "kernel_size"})
      if (const auto* extents = node.find_attribute<std::vector<std::int64_t>>(window))
        for (const std::int64_t extent : *extents) {
          if (extent > most_elements) return false;
          read = std::min(most_work, read * std::max<std::int64_t>(1, extent));
        }
    work += read * written;
    if (read > most_work / written || work > most_work) return false;
  }
  return true;
}

const std::vector<Isa>& tiers_here() {
  static const std::vector<Isa> tiers = [] {
    std::vector<Isa> found;
    for (const Isa isa : all_isas)
      if (!why_not_runnable(cpu_features(), isa)) found.push_back(isa);
    return found;
  }();
  return tiers;
}

std::vector<Tensor> run_plan(const Graph& graph, const std::vector<Binding>& extents, const std::vector<Tensor>& inputs,
                             Isa isa, bool apart) {
  WeightStore weights;
  BoundGraph batch(graph), part(graph);
  Executor executor(plans_of(batch, part, extents, isa, apart, weights), 1, {});
  require(executor.inputs().size() == inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const BoundPort& port = executor.inputs()[i];
    require(port.type == inputs[i].type() && port.shape == inputs[i].shape());
    std::memcpy(port.data, inputs[i].data(), inputs[i].bytes());
  }
  executor.infer();
  std::vector<Tensor> outputs;
  for (const BoundPort& port : executor.outputs()) {
    Tensor output(port.type, port.shape);
    std::memcpy(output.mutable_data(), port.data, output.bytes());
    outputs.push_back(std::move(output));
  }
  return outputs;
}

void require_same(const std::vector<Tensor>& some, const std::vector<Tensor>& others) {
  require(some.size() == others.size());
  for (std::size_t i = 0; i < some.size(); ++i) {
    const Tensor &a = some[i], &b = others[i];
    require(a.type() == b.type() && a.shape() == b.shape());
    if (a.type() != DataType::f32) {
      require(std::memcmp(a.data(), b.data(), a.bytes()) == 0);
      continue;
    }
    const auto numbers = a.as<float>(), expected = b.as<float>();
    for (std::size_t k = 0; k < numbers.size(); ++k)
      require(std::memcmp(&numbers[k], &expected[k], sizeof(float)) == 0 ||
              (std::isnan(numbers[k]) && std::isnan(expected[k])));
  }
}

}  // namespace tessera::fuzzing
