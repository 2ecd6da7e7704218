// Activations that exporters spell in several nodes:
//
//   x * Sigmoid(x), x * Sigmoid(x * c)                          Swish (SiLU, QuickGELU)
//   x * HardSigmoid(x, 1/6, 1/2)                                HardSwish
//   Clip(x + 3, 0, 6) / 6, also as a product with 1/6           HardSigmoid
//   x * Clip(x + 3, 0, 6) / 6                                   HardSwish
//
// and the Mul of squeeze-and-excite, an image times one number for each of its channels, which becomes FusedGate.
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "ops/fused_activation.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

bool is_near(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::abs(b);
}

class ActivationPatterns {
 public:
  explicit ActivationPatterns(Rewriter& rewriter) : rewriter_(rewriter), graph_(rewriter.graph()) {}

  void look_at(std::size_t index) {
    const Node& node = rewriter_.node(index);
    if (node.op == "Mul") {
      if (fuse_swish(index) || fuse_hard_swish(index) || fuse_gate(index)) return;
    }
    if (node.op == "Mul" || node.op == "Div") fuse_sixth(index);
  }

 private:
  /// What a Mul or Div takes a sixth of, or no_value.
  ValueId sixth_of(const Node& node) const {
    if (node.op == "Div") return is_scalar(graph_, node.inputs[1], 6.0) ? node.inputs[0] : no_value;
    return pick_scalar(graph_, node, 1.0 / 6.0).other;
  }

  /// x where `value` is Clip(x + 3, 0, 6) that nobody else reads, or no_value.
  ValueId shifted_and_cut(ValueId value) const {
    const Node* clip = rewriter_.producer(value, "Clip");
    if (clip == nullptr || !rewriter_.uses().single_use(value)) return no_value;
    const auto form = fused_form(graph_, *clip);
    if (!form || std::get<float>(form->at("activation_first")) != 0.0F ||
        std::get<float>(form->at("activation_second")) != 6.0F)
      return no_value;
    const Node* add = rewriter_.producer(clip->inputs[0], "Add");
    if (add == nullptr || !rewriter_.uses().single_use(clip->inputs[0])) return no_value;
    return pick_scalar(graph_, *add, 3.0).other;
  }

  /// The factor c where `value` is x * c, 1 where it is x itself.
  std::optional<double> multiple_of(ValueId value, ValueId x) const {
    if (value == x) return 1.0;
    const Node* mul = rewriter_.producer(value, "Mul");
    if (mul == nullptr || !rewriter_.uses().single_use(value)) return std::nullopt;
    const Operands factor = pick(*mul, [&](ValueId id) { return scalar(graph_, id).has_value(); });
    return factor && factor.other == x ? scalar(graph_, factor.match) : std::nullopt;
  }

  bool fuse_swish(std::size_t index) {
    const Node& mul = rewriter_.node(index);
    for (const std::size_t side : {0U, 1U}) {
      const Node* sigmoid = rewriter_.producer(mul.inputs[side], "Sigmoid");
      const ValueId x = mul.inputs[1 - side];
      if (sigmoid == nullptr || !rewriter_.uses().single_use(mul.inputs[side])) continue;
      const auto factor = multiple_of(sigmoid->inputs[0], x);
      if (!factor) continue;
      rewriter_.replace(index, {"Swish", mul.name, {x}, {{"alpha", static_cast<float>(*factor)}}}, "became Swish");
      return true;
    }
    return false;
  }

  bool fuse_hard_swish(std::size_t index) {
    const Node& mul = rewriter_.node(index);
    for (const std::size_t side : {0U, 1U}) {
      const Node* gate = rewriter_.producer(mul.inputs[side], "HardSigmoid");
      const ValueId x = mul.inputs[1 - side];
      if (gate == nullptr || !rewriter_.uses().single_use(mul.inputs[side]) || gate->inputs[0] != x) continue;
      if (!is_near(gate->attribute_or("alpha", 0.2F), 1.0 / 6.0) || gate->attribute_or("beta", 0.5F) != 0.5F) continue;
      rewriter_.replace(index, {"HardSwish", mul.name, {x}, {}}, "became HardSwish");
      return true;
    }
    return false;
  }

  bool fuse_gate(std::size_t index) {
    const Node& mul = rewriter_.node(index);
    const auto image = gated_image(graph_, mul);
    if (!image) return false;
    const std::vector<ValueId> inputs{mul.inputs[*image], mul.inputs[1 - *image]};
    rewriter_.replace(index, {"FusedGate", mul.name, inputs, {}}, "became FusedGate");
    return true;
  }

  /// A sixth of Clip(x + 3, 0, 6), or of x times that.
  void fuse_sixth(std::size_t index) {
    const Node& node = rewriter_.node(index);
    const ValueId whole = sixth_of(node);
    if (whole == no_value) return;
    if (const ValueId x = shifted_and_cut(whole); x != no_value) {
      return rewriter_.replace(index, {"HardSigmoid", node.name, {x}, {{"alpha", 1.0F / 6.0F}, {"beta", 0.5F}}},
                               "became HardSigmoid");
    }
    const Node* product = rewriter_.producer(whole, "Mul");
    if (product == nullptr || !rewriter_.uses().single_use(whole)) return;
    for (const std::size_t side : {0U, 1U}) {
      const ValueId x = product->inputs[1 - side];
      if (shifted_and_cut(product->inputs[side]) != x) continue;
      return rewriter_.replace(index, {"HardSwish", node.name, {x}, {}}, "became HardSwish");
    }
  }

  Rewriter& rewriter_;
  const Graph& graph_;
};

}  // namespace

int fuse_activations(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "activations", notes);
  ActivationPatterns patterns(rewriter);
  for (std::size_t i = 0; i < rewriter.size(); ++i) patterns.look_at(i);
  return rewriter.count();
}

}  // namespace tessera::passes
