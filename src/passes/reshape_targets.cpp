// Reshape, Flatten, Squeeze and Unsqueeze become Reshape with a constant target wherever the inferred shape allows it.
//
// Exporters compute targets from Shape, Gather and Concat nodes so that one file serves every batch and sequence
// length. The inferred symbolic shape says the same in one vector: 0 copies the extent at the same place, and one -1
// stands for whatever is left.
#include <optional>
#include <string>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

/// The target that gives `to` for every binding of the symbols, or nothing.
std::optional<std::vector<std::int64_t>> target_of(const SymbolicShape& from, const SymbolicShape& to) {
  if (!to.ranked) return std::nullopt;
  std::vector<std::int64_t> target;
  bool rest = false;
  for (std::size_t i = 0; i < to.rank(); ++i) {
    const Dim& dim = to.dims[i];
    if (dim.known()) {
      // 0 would mean "copy", and an empty tensor leaves -1 undetermined.
      if (dim.value() == 0) return std::nullopt;
      target.push_back(dim.value());
    } else if (from.ranked && i < from.rank() && dim == from.dims[i]) {
      target.push_back(0);
    } else if (!rest) {
      rest = true;
      target.push_back(-1);
    } else {
      return std::nullopt;
    }
  }
  return target;
}

bool changes_only_shape(const Node& node) {
  return node.op == "Reshape" || node.op == "Flatten" || node.op == "Squeeze" || node.op == "Unsqueeze";
}

bool has_constant_target(const Graph& graph, const Node& node) {
  return node.op == "Reshape" && node.has_input(1) && graph.value(node.inputs[1]).is_constant();
}

}  // namespace

int simplify_reshapes(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "reshape_targets", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    // Integer vectors are shape arithmetic: it goes away with the targets it computes, or must stay as it is.
    if (!changes_only_shape(node) || has_constant_target(graph, node)) continue;
    if (graph.value(node.outputs.front()).extents) continue;
    const auto target = target_of(graph.value(node.inputs[0]).shape, graph.value(node.outputs[0]).shape);
    if (!target) {
      rewriter.decline(node, "more than one extent of " + to_string(graph.value(node.outputs[0]).shape) +
                                 " cannot be told from the input's " + to_string(graph.value(node.inputs[0]).shape));
      continue;
    }
    const Shape length{static_cast<std::int64_t>(target->size())};
    const ValueId constant = rewriter.add_constant(node.name + "_target", Tensor::from<std::int64_t>(length, *target));
    rewriter.replace(i, {"Reshape", node.name, {node.inputs[0], constant}, {}}, node.op + " has a constant target");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
