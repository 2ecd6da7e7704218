// Gelu from its parts: x * 0.5 * (1 + Erf(x / sqrt(2))), in every order of the three factors that exporters write.
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

/// x when `erf` computes Erf(x / sqrt(2)), else no_value.
ValueId argument_of(const Rewriter& rewriter, const Node& erf) {
  const Graph& graph = rewriter.graph();
  if (const Node* div = rewriter.producer(erf.inputs[0], "Div")) {
    return is_scalar(graph, div->inputs[1], std::numbers::sqrt2) ? div->inputs[0] : no_value;
  }
  if (const Node* mul = rewriter.producer(erf.inputs[0], "Mul")) {
    return pick_scalar(graph, *mul, 1 / std::numbers::sqrt2).other;
  }
  return no_value;
}

/// The nodes from Erf to the product of all factors.
class GeluPattern {
 public:
  GeluPattern(Rewriter& rewriter, ValueId x) : rewriter_(rewriter), graph_(rewriter.graph()), x_(x) {}

  /// The node that computes the whole product, or null with the reason noted.
  const Node* last_after(const Node& erf) {
    const Node* sum = rewriter_.only_consumer(erf.outputs[0], "Add");
    if (sum == nullptr || !pick_scalar(graph_, *sum, 1.0)) return declined(erf, "no Add of 1 follows");
    const Node* first = rewriter_.only_consumer(sum->outputs[0], "Mul");
    if (first == nullptr) return declined(erf, "no Mul follows, or the sum is used elsewhere");
    const ValueId factor = first->inputs[0] == sum->outputs[0] ? first->inputs[1] : first->inputs[0];
    if (is_half_of_x(factor)) return first;  // (x * 0.5) * (1 + erf)
    const bool by_x = factor == x_;
    if (!by_x && !is_scalar(graph_, factor, 0.5)) return declined(erf, "the factors are not x and 0.5");
    const Node* second = rewriter_.only_consumer(first->outputs[0], "Mul");
    if (second == nullptr) return declined(erf, "the second factor is missing, or the product is used elsewhere");
    const ValueId other = second->inputs[0] == first->outputs[0] ? second->inputs[1] : second->inputs[0];
    if (by_x ? !is_scalar(graph_, other, 0.5) : other != x_) return declined(erf, "the factors are not x and 0.5");
    return second;
  }

 private:
  bool is_half_of_x(ValueId value) const {
    const Node* mul = rewriter_.producer(value, "Mul");
    return mul != nullptr && pick_scalar(graph_, *mul, 0.5).other == x_;
  }
  const Node* declined(const Node& erf, std::string why) {
    rewriter_.decline(erf, std::move(why));
    return nullptr;
  }

  Rewriter& rewriter_;
  const Graph& graph_;
  ValueId x_;
};

}  // namespace

int fuse_gelu(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "gelu", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& erf = rewriter.node(i);
    if (erf.op != "Erf") continue;
    const ValueId x = argument_of(rewriter, erf);
    if (x == no_value) {
      rewriter.decline(erf, "its argument is not x / sqrt(2)");
      continue;
    }
    if (!rewriter.may_vanish(erf, erf.inputs[0])) continue;
    const Node* last = GeluPattern(rewriter, x).last_after(erf);
    if (last == nullptr) continue;
    rewriter.replace(rewriter.index_of(*last), {"Gelu", erf.name, {x}, {}}, "became Gelu");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
