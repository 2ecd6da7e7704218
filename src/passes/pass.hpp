// Pass: a graph -> graph rewrite that keeps what the graph computes, and says what it did and why it did not do more.
//
// To add one: write `int my_pass(Graph&, std::vector<PassNote>&)` in its own file on top of Rewriter (rewrite.hpp),
// declare it in passes.hpp, and give it its place in the list in registry.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"

namespace tessera {

/// One decision of one pass.
struct PassNote {
  std::string node;      ///< the node that the pattern became, or would have
  std::string pass;      ///< Pass::name
  bool applied = false;  ///< false: a near-match that was left alone
  std::string why;       ///< what it became, or what stood in the way
};

struct Pass {
  std::string_view name;
  /// Rewrites the graph and returns the number of rewrites. Shapes are inferred on entry; those of values a pass adds
  /// may be left open.
  int (*run)(Graph& graph, std::vector<PassNote>& notes);
};

/// Every pass, in the order in which they rely on each other. Passes that find nothing to do leave the graph alone, so
/// the same list serves float files and files with QuantizeLinear/DequantizeLinear.
std::span<const Pass> default_passes() noexcept;

/// The list in two parts. What the first leaves is still standard ONNX: quantization works on it, and it can be written
/// to a file.
std::span<const Pass> standard_passes() noexcept;
std::span<const Pass> fusing_passes() noexcept;

/// Runs the passes in order, with shapes inferred before the first and after each one that changed something. `notes`
/// may be null. Error{failed} naming the pass when it leaves a graph that breaks an invariant.
void run_passes(Graph& graph, std::span<const Pass> passes, std::vector<PassNote>* notes);

}  // namespace tessera
