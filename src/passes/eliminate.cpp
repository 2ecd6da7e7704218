// Nodes that change nothing: Identity, Dropout outside training, Cast to the type at hand, Reshape to the shape at
// hand, Transpose that keeps the order. Dead code goes with the sweep that follows every rewrite.
#include <cstddef>
#include <optional>
#include <string>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

bool in_training(const Graph& graph, const Node& dropout) {
  if (!dropout.has_input(2)) return false;
  const Tensor& mode = graph.value(dropout.inputs[2]).constant;
  return mode.empty() || mode.data()[0] != std::byte{0};
}

bool keeps_order(const Graph& graph, const Node& transpose) {
  const auto perm = permutation(graph, transpose);
  if (perm.empty() && !graph.value(transpose.inputs.front()).shape.ranked) return false;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

/// Why the first output equals the first input, or nothing.
std::optional<std::string> no_op(Rewriter& rewriter, const Node& node) {
  const Graph& graph = rewriter.graph();
  if (node.op == "Identity") return "passes its input on";
  if (node.op == "Dropout") {
    if (in_training(graph, node)) {
      rewriter.decline(node, "training_mode is not false");
      return std::nullopt;
    }
    if (node.outputs.size() > 1 && node.outputs[1] != no_value) {
      const ValueId mask = node.outputs[1];
      if (!rewriter.uses().consumers(mask).empty() || rewriter.uses().is_output(mask)) {
        rewriter.decline(node, "its mask " + graph.value(mask).name + " is used");
        return std::nullopt;
      }
    }
    return "does nothing outside training";
  }
  if (node.op == "Cast" && graph.value(node.inputs[0]).type == graph.value(node.outputs[0]).type) return "same type";
  if (node.op == "Reshape" && same_shape(graph, node.inputs[0], node.outputs[0])) return "same shape";
  if (node.op == "Transpose" && keeps_order(graph, node)) return "keeps the order of axes";
  return std::nullopt;
}

}  // namespace

int eliminate(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "eliminate", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    if (node.op.empty()) continue;
    if (auto why = no_op(rewriter, node)) rewriter.bypass(i, node.inputs.front(), node.op + " " + *why);
  }
  return rewriter.count();
}

}  // namespace tessera::passes
