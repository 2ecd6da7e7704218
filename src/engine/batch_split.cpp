#include "engine/batch_split.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "compile/batch_items.hpp"
#include "core/error.hpp"

namespace tessera {
namespace {

/// On a machine whose cores are all at work, a line of weights takes about as long to come from memory as this many
/// rows take to be multiplied by it; in every type, as a line is one or two vectors.
constexpr double least_rows = 128;

std::size_t bytes_of(const Value& value) {
  return static_cast<std::size_t>(value.shape.to_shape().elements()) * size_of(value.type);
}

/// Elements and rows of the weights of a node: of an input that is constant and has the axes of a matrix at least.
struct Weights {
  double elements = 0, rows = 0;
};
Weights weights_of(const Graph& graph, const Node& node) {
  const bool convolution = node.op == "Conv" || node.op == "FusedConv";
  if (!convolution && node.op != "MatMul" && node.op != "Gemm" && node.op != "FusedMatMul") return {};
  const Value& w = graph.value(node.inputs[1]);
  if (!w.is_constant() || w.constant.shape().rank() < 2) return {};
  const Shape y = graph.value(node.outputs[0]).shape.to_shape();
  const std::int64_t columns = convolution ? w.constant.shape()[0] : y.back();
  return {static_cast<double>(w.constant.shape().elements()),
          static_cast<double>(y.elements()) / static_cast<double>(std::max<std::int64_t>(1, columns))};
}

/// The symbol that counts items, if it is one and the same for all inputs that have one.
std::optional<std::string> batch_symbol(const Graph& graph) {
  std::optional<std::string> symbol;
  for (const ValueId id : graph.inputs) {
    const std::vector<Dim>& dims = graph.value(id).shape.dims;
    if (dims.empty() || !dims[0].symbolic()) continue;
    if (symbol && *symbol != dims[0].symbol()) return std::nullopt;
    symbol = dims[0].symbol();
  }
  return symbol;
}

std::vector<Port> ports_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<Port> ports;
  ports.reserve(ids.size());
  for (const ValueId id : ids) {
    const Value& value = graph.value(id);
    ports.push_back({value.name, value.type, value.shape.to_shape(), no_buffer});
  }
  return ports;
}

}  // namespace

ItemCost cost_of_item(const Graph& item) {
  ItemCost cost;
  double weights = 0, rows = 0;
  for (const Node& node : item.nodes) {
    std::size_t bytes = 0;
    for (const std::vector<ValueId>* list : {&node.inputs, &node.outputs})
      for (const ValueId id : *list)
        if (id != no_value && !item.value(id).is_constant()) bytes += bytes_of(item.value(id));
    cost.widest_bytes = std::max(cost.widest_bytes, bytes);
    const Weights of_node = weights_of(item, node);
    weights += of_node.elements;
    rows += of_node.elements * of_node.rows;
  }
  if (weights > 0) cost.rows_per_weight = rows / weights;
  return cost;
}

BatchSplit split_batch(const ItemCost& cost, std::int64_t items, int threads, const Topology& topology) {
  BatchSplit split;
  // What the step before wrote, too, is still there, and the weights of a part pass through.
  const std::size_t cache = std::max(topology.l2_bytes, topology.l3_per_core_bytes) / 4;
  const auto fitting = static_cast<std::int64_t>(cache / std::max<std::size_t>(1, cost.widest_bytes));
  const std::int64_t least =
      cost.rows_per_weight > 0 ? static_cast<std::int64_t>(std::ceil(least_rows / cost.rows_per_weight)) : 1;
  const std::int64_t most = std::min(items / threads, std::max(fitting, least));
  std::int64_t fewest_left = items;
  for (std::int64_t part = std::max<std::int64_t>(1, least); part <= most; ++part) {
    const std::int64_t left = items % (part * threads);
    if (part == items || left > fewest_left) continue;
    fewest_left = left;
    split.part = part;
  }
  if (split.part == 0) {
    split.why = items < threads ? "fewer items than threads" : "the weights need more rows than a part has";
    return split;
  }
  split.parts = items / (split.part * threads) * threads;
  split.left = items - split.parts * split.part;
  return split;
}

std::vector<Binding> with_items(const Graph& graph, std::span<const Binding> bindings, std::int64_t items) {
  std::vector<Binding> changed(bindings.begin(), bindings.end());
  const std::optional<std::string> symbol = batch_symbol(graph);
  for (Binding& binding : changed)
    if (binding.symbol == symbol) binding.extent = items;
  return changed;
}

const Graph* one_item(BoundGraph& part, std::span<const Binding> bindings) {
  try {
    return &part.with(with_items(part.symbolic(), bindings, 1));
  } catch (const Error&) {
    return nullptr;
  }
}

BatchSplit split_batch(BoundGraph& part, const Graph& batch, std::span<const Binding> bindings, int threads,
                       const Topology& topology) {
  BatchSplit whole;
  const std::optional<std::string> symbol = batch_symbol(part.symbolic());
  const auto found = std::ranges::find_if(bindings, [&](const Binding& b) { return symbol && b.symbol == *symbol; });
  if (found == bindings.end()) {
    whole.why = "the model fixes its batch";
    return whole;
  }
  const std::int64_t items = found->extent;
  if (items == 1) return whole;
  const Graph* const item = one_item(part, bindings);
  if (item == nullptr) {
    whole.why = "the model does not take one item alone";
    return whole;
  }
  if (const auto reason = why_not_by_item(*item, batch, items)) {
    whole.why = *reason;
    return whole;
  }
  return split_batch(cost_of_item(*item), items, threads, topology);
}

BatchPlans plan_batch(BoundGraph& part, const Graph& batch, std::span<const Binding> bindings, const BatchSplit& split,
                      const MakePlan& make) {
  if (split.part == 0) return whole_batch(make(batch, Division::together));
  BatchPlans plans;
  plans.inputs = ports_of(batch, batch.inputs);
  plans.outputs = ports_of(batch, batch.outputs);
  const auto plan_of = [&](std::int64_t items, Division division) {
    return make(part.with(with_items(part.symbolic(), bindings, items)), division);
  };
  plans.part = plan_of(split.part, Division::apart);
  plans.parts = split.parts;
  if (split.left > 0) plans.rest = plan_of(split.left, Division::together);
  return plans;
}

}  // namespace tessera
