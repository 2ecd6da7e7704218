// Matrices that are transposed as one batch: Reshape [B, H, S, D] to [B * H, S, D], Transpose, Reshape to [B, H, D, S],
// as PyTorch's new exporter writes K of attention. Becomes a Transpose of the last two axes; the Shape nodes that lead
// to the targets of the Reshapes fall dead with them.
#include <cstdint>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

/// The value whose last two axes the Reshape `apart` ends up exchanging, or no_value.
ValueId transposed_by(const Rewriter& rewriter, const Node& apart) {
  const Graph& graph = rewriter.graph();
  const Node* transpose = rewriter.producer(apart.inputs[0], "Transpose");
  const Node* together = transpose == nullptr ? nullptr : rewriter.producer(transpose->inputs[0], "Reshape");
  if (together == nullptr || permutation(graph, *transpose) != std::vector<std::int64_t>{0, 2, 1}) return no_value;
  const SymbolicShape &from = graph.value(together->inputs[0]).shape, &to = graph.value(apart.outputs[0]).shape,
                      &matrices = graph.value(transpose->inputs[0]).shape;
  if (!from.ranked || !to.ranked || !matrices.ranked || from.rank() != 4 || to.rank() != 4) return no_value;
  const bool exchanged = from.dims[0] == to.dims[0] && from.dims[1] == to.dims[1] && from.dims[2] == to.dims[3] &&
                         from.dims[3] == to.dims[2];
  // With the matrices whole, the extent in front of them is what is left: the product of the first two.
  const bool whole = matrices.dims[1] == from.dims[2] && matrices.dims[2] == from.dims[3];
  return exchanged && whole ? together->inputs[0] : no_value;
}

}  // namespace

int transpose_matrices(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "matrix_transposes", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    if (node.op != "Reshape") continue;
    const ValueId source = transposed_by(rewriter, node);
    if (source == no_value) continue;
    const Attributes perm{{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}};
    rewriter.replace(i, {"Transpose", node.name, {source}, perm}, "a batch of matrices became a Transpose");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
