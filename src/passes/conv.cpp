// Conv with constant weights becomes FusedConv, which can take a residual and an activation in.
#include <string>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {

int fuse_conv(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "conv", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& conv = rewriter.node(i);
    if (conv.op != "Conv") continue;
    if (!is_weight(rewriter, conv.inputs[1]) || (conv.has_input(2) && !is_weight(rewriter, conv.inputs[2]))) {
      rewriter.decline(conv, "its weights or bias are not constant");
      continue;
    }
    const SymbolicShape& shape = graph.value(conv.inputs[1]).shape;
    if (!shape.ranked || shape.rank() != 4) {
      rewriter.decline(conv, "it is not two-dimensional");
      continue;
    }
    Attributes attributes = conv.attributes;
    attributes["activation"] = std::string("none");
    rewriter.replace(i, {"FusedConv", conv.name, conv.inputs, std::move(attributes)}, "Conv became FusedConv");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
