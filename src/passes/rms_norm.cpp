// RMSNormalization from its parts, as T5 and its heirs are exported:
//
//   y = x / Sqrt(ReduceMean(x^2) + epsilon) * gamma
//
// over the last axis. The quotient may be a Div, or a Mul by the Reciprocal, by 1 / Sqrt or by a Pow of -1/2.
#include <optional>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

class RmsNormPattern {
 public:
  explicit RmsNormPattern(Rewriter& rewriter) : rewriter_(rewriter), graph_(rewriter.graph()) {}

  struct Normalized {
    ValueId x = no_value;
    double epsilon = 0;
  };

  /// What `node` divides by its root mean square.
  std::optional<Normalized> match(const Node& node) const {
    if (node.op == "Div") return quotient(node.inputs[0], sqrt_of(node.inputs[1]));
    if (node.op != "Mul") return std::nullopt;
    for (const std::size_t side : {0U, 1U})
      if (auto found = quotient(node.inputs[1 - side], inverse_root_of(node.inputs[side]))) return found;
    return std::nullopt;
  }

 private:
  ValueId sqrt_of(ValueId value) const {
    const Node* sqrt = rewriter_.producer(value, "Sqrt");
    return sqrt == nullptr ? no_value : sqrt->inputs[0];
  }

  /// z where `value` is z to the power of -1/2.
  ValueId inverse_root_of(ValueId value) const {
    if (const Node* reciprocal = rewriter_.producer(value, "Reciprocal")) return sqrt_of(reciprocal->inputs[0]);
    if (const Node* div = rewriter_.producer(value, "Div"))
      return is_scalar(graph_, div->inputs[0], 1.0) ? sqrt_of(div->inputs[1]) : no_value;
    const Node* pow = rewriter_.producer(value, "Pow");
    return pow != nullptr && is_scalar(graph_, pow->inputs[1], -0.5) ? pow->inputs[0] : no_value;
  }

  /// x over the root of `sum`, if that is the mean of x^2 and a number.
  std::optional<Normalized> quotient(ValueId x, ValueId sum) const {
    const Node* add = rewriter_.producer(sum, "Add");
    if (add == nullptr) return std::nullopt;
    const Operands epsilon = pick(*add, [&](ValueId id) { return scalar(graph_, id).has_value(); });
    const Node* mean = epsilon ? rewriter_.producer(epsilon.other, "ReduceMean") : nullptr;
    if (mean == nullptr || !is_square(mean->inputs[0], x) || !reduces_last_axis(graph_, *mean)) return std::nullopt;
    return Normalized{x, *scalar(graph_, epsilon.match)};
  }

  bool is_square(ValueId square, ValueId x) const {
    if (const Node* pow = rewriter_.producer(square, "Pow"))
      return pow->inputs[0] == x && is_scalar(graph_, pow->inputs[1], 2.0);
    const Node* mul = rewriter_.producer(square, "Mul");
    return mul != nullptr && mul->inputs[0] == x && mul->inputs[1] == x;
  }

  Rewriter& rewriter_;
  const Graph& graph_;
};

}  // namespace

int fuse_rms_norm(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "rms_norm", notes);
  const RmsNormPattern pattern(rewriter);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    const auto normalized = pattern.match(node);
    if (!normalized) continue;
    const Node* mul = rewriter.only_consumer(node.outputs[0], "Mul");
    const Operands gamma = mul != nullptr ? pick_vector(graph, *mul) : Operands{};
    if (!gamma) {
      rewriter.decline(
          node, "no Mul by a constant vector follows, or " + graph.value(node.outputs[0]).name + " is used elsewhere");
      continue;
    }
    const Attributes attributes{{"axis", std::int64_t{-1}}, {"epsilon", static_cast<float>(normalized->epsilon)}};
    rewriter.replace(rewriter.index_of(*mul), {"RMSNormalization", node.name, {normalized->x, gamma.match}, attributes},
                     "became RMSNormalization");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
