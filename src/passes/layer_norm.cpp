// LayerNormalization from its parts:
//
//   centred = x - ReduceMean(x)
//   y = centred / Sqrt(ReduceMean(centred^2) + epsilon) * gamma [+ beta]
//
// over the last axis. Some exporters subtract twice, once for the variance and once for the quotient; both spellings
// match.
#include <optional>
#include <string>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

struct Normalized {
  ValueId x = no_value;
  double epsilon = 0;
};

class LayerNormPattern {
 public:
  explicit LayerNormPattern(Rewriter& rewriter) : rewriter_(rewriter), graph_(rewriter.graph()) {}

  /// What `div` normalizes when it is the quotient of the pattern.
  std::optional<Normalized> match(const Node& div) {
    const Node* centred = rewriter_.producer(div.inputs[0], "Sub");
    const Node* sqrt = rewriter_.producer(div.inputs[1], "Sqrt");
    if (centred == nullptr || sqrt == nullptr) return std::nullopt;
    const Node* add = rewriter_.producer(sqrt->inputs[0], "Add");
    if (add == nullptr) return std::nullopt;
    const Operands sum = pick(*add, [&](ValueId id) { return scalar(graph_, id).has_value(); });
    const Node* variance = sum ? rewriter_.producer(sum.other, "ReduceMean") : nullptr;
    if (variance == nullptr) return std::nullopt;
    const ValueId x = centred->inputs[0];
    if (!is_square_of_centred(variance->inputs[0], x) || !is_mean_of(centred->inputs[1], x)) return std::nullopt;
    // From here on the pattern is there; what is left may only differ in its axis.
    const Node& mean = *rewriter_.producer(centred->inputs[1], "ReduceMean");
    if (!reduces_last_axis(graph_, mean) || !reduces_last_axis(graph_, *variance)) {
      rewriter_.decline(div, "the mean is not over the last axis with keepdims");
      return std::nullopt;
    }
    return Normalized{x, *scalar(graph_, sum.match)};
  }

 private:
  bool is_mean_of(ValueId mean, ValueId x) const {
    const Node* reduce = rewriter_.producer(mean, "ReduceMean");
    return reduce != nullptr && reduce->inputs[0] == x;
  }
  bool is_centred(ValueId value, ValueId x) const {
    const Node* sub = rewriter_.producer(value, "Sub");
    return sub != nullptr && sub->inputs[0] == x && is_mean_of(sub->inputs[1], x);
  }
  bool is_square_of_centred(ValueId square, ValueId x) const {
    if (const Node* pow = rewriter_.producer(square, "Pow")) {
      return is_scalar(graph_, pow->inputs[1], 2.0) && is_centred(pow->inputs[0], x);
    }
    const Node* mul = rewriter_.producer(square, "Mul");
    return mul != nullptr && is_centred(mul->inputs[0], x) && is_centred(mul->inputs[1], x);
  }

  Rewriter& rewriter_;
  const Graph& graph_;
};

}  // namespace

int fuse_layer_norm(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "layer_norm", notes);
  LayerNormPattern pattern(rewriter);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& div = rewriter.node(i);
    if (div.op != "Div") continue;
    const auto normalized = pattern.match(div);
    if (!normalized) continue;

    const Node* mul = rewriter.only_consumer(div.outputs[0], "Mul");
    const Operands gamma = mul != nullptr ? pick_vector(graph, *mul) : Operands{};
    if (!gamma) {
      rewriter.decline(
          div, "no Mul by a constant vector follows, or " + graph.value(div.outputs[0]).name + " is used elsewhere");
      continue;
    }
    const Node* last = mul;
    std::vector<ValueId> inputs{normalized->x, gamma.match};
    if (const Node* add = rewriter.only_consumer(mul->outputs[0], "Add")) {
      if (const Operands beta = pick_vector(graph, *add)) {
        inputs.push_back(beta.match);
        last = add;
      }
    }
    const Attributes attributes{{"axis", std::int64_t{-1}}, {"epsilon", static_cast<float>(normalized->epsilon)}};
    rewriter.replace(rewriter.index_of(*last), {"LayerNormalization", div.name, inputs, attributes},
                     "became LayerNormalization");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
