// ReduceMean over the two last axes of an image is GlobalAveragePool, which has a kernel; without keepdims a Flatten
// follows.
#include <algorithm>
#include <string>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

bool is_over_pixels(const Graph& graph, const Node& mean) {
  const SymbolicShape& shape = graph.value(mean.inputs[0]).shape;
  if (!shape.ranked || shape.rank() != 4 || graph.value(mean.inputs[0]).type != DataType::f32) return false;
  std::vector<std::int64_t> axes;
  if (const auto* attribute = mean.find_attribute<std::vector<std::int64_t>>("axes")) axes = *attribute;
  if (mean.has_input(1)) axes = integers(graph, mean.inputs[1]).value_or(std::vector<std::int64_t>{});
  for (std::int64_t& axis : axes) axis += axis < 0 ? 4 : 0;
  std::ranges::sort(axes);
  return axes == std::vector<std::int64_t>{2, 3};
}

}  // namespace

int pool_means(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "pool_means", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& mean = rewriter.node(i);
    if (mean.op != "ReduceMean" || !is_over_pixels(graph, mean)) continue;
    const ValueId x = mean.inputs[0];
    if (mean.attribute_or("keepdims", std::int64_t{1}) != 0) {
      rewriter.replace(i, {"GlobalAveragePool", mean.name, {x}, {}}, "became GlobalAveragePool");
      continue;
    }
    const std::string name = mean.name;
    const std::vector<ValueId> outputs = mean.outputs;
    const ValueId pooled = rewriter.add_value(name + "_pooled", DataType::f32);
    i = rewriter.expand(i,
                        {{"GlobalAveragePool", name, {x}, {pooled}, {}},
                         {"Flatten", name + "_flatten", {pooled}, outputs, {{"axis", std::int64_t{1}}}}},
                        "became GlobalAveragePool and Flatten");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
