// Rotary positions from their parts become FusedRotary:
//
//   x * C + Concat(-second half of x, first half of x) * S
//
// for x [B, heads, S, D] and factors C, S with one axis of 1 for the heads. The halves are Slices, or a Split in two.
// So does RotaryEmbedding of operator set 23 that turns whole heads in halves; its tables serve both halves of a head.
#include <optional>
#include <utility>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

/// One half of the last axis of a value.
struct Half {
  ValueId whole = no_value;
  bool second = false;
};

class RotaryPattern {
 public:
  explicit RotaryPattern(Rewriter& rewriter) : rewriter_(rewriter), graph_(rewriter.graph()) {}

  void look_at(std::size_t index) {
    const Node& add = rewriter_.node(index);
    for (const std::size_t side : {0U, 1U}) {
      const Node* straight = rewriter_.producer(add.inputs[side], "Mul");
      const Node* turned = rewriter_.producer(add.inputs[1 - side], "Mul");
      if (straight == nullptr || turned == nullptr) continue;
      for (const std::size_t operand : {0U, 1U}) {
        const ValueId x = turned_value(turned->inputs[operand]);
        if (x == no_value) continue;
        const Operands factor = pick(*straight, [&](ValueId id) { return id == x; });
        if (factor) return fuse(index, x, factor.other, turned->inputs[1 - operand]);
      }
    }
  }

  /// Returns where the node stands that takes the place of RotaryEmbedding `index`, or `index`.
  std::size_t spell_out(std::size_t index) {
    const Node node = rewriter_.node(index);
    if (const char* reason = why_not(node)) {
      rewriter_.decline(node, reason);
      return index;
    }
    std::vector<Node> nodes;
    std::vector<ValueId> inputs{node.inputs[0]};
    for (const std::size_t table : {1U, 2U}) {
      inputs.push_back(rewriter_.add_value(graph_.value(node.inputs[table]).name + "_twice", DataType::f32));
      nodes.push_back({"Concat",
                       node.name + (table == 1 ? "_cosines" : "_sines"),
                       {node.inputs[table], node.inputs[table]},
                       {inputs.back()},
                       {{"axis", std::int64_t{-1}}}});
    }
    Attributes attributes;
    if (const auto* heads = node.find_attribute<std::int64_t>("num_heads")) attributes["num_heads"] = *heads;
    nodes.push_back({"FusedRotary", node.name, std::move(inputs), node.outputs, std::move(attributes)});
    return rewriter_.expand(index, std::move(nodes), "became FusedRotary");
  }

 private:
  /// Why RotaryEmbedding is not FusedRotary, or null.
  const char* why_not(const Node& node) const {
    if (node.has_input(3)) return "its tables are read by position";
    if (node.attribute_or<std::int64_t>("interleaved", 0) != 0) return "it turns neighbours, not halves";
    if (node.attribute_or<std::int64_t>("rotary_embedding_dim", 0) != 0) return "it turns a part of each head";
    return nullptr;
  }

  /// x where `value` is Concat(-second half of x, first half of x), or no_value.
  ValueId turned_value(ValueId value) const {
    const Node* concat = rewriter_.producer(value, "Concat");
    if (concat == nullptr || concat->inputs.size() != 2 ||
        !is_last_axis(graph_, value, concat->attribute_or("axis", std::int64_t{0})))
      return no_value;
    const Node* negated = rewriter_.producer(concat->inputs[0], "Neg");
    if (negated == nullptr) return no_value;
    const auto front = half_of(negated->inputs[0]), back = half_of(concat->inputs[1]);
    const bool turned = front && back && front->second && !back->second && front->whole == back->whole;
    return turned ? front->whole : no_value;
  }

  std::optional<Half> half_of(ValueId value) const {
    if (const Node* slice = rewriter_.producer(value, "Slice")) return sliced_half(*slice);
    const int index = rewriter_.uses().producer(value);  // of either output
    if (index < 0) return std::nullopt;
    const Node& split = rewriter_.node(static_cast<std::size_t>(index));
    if (split.op != "Split" || split.outputs.size() != 2 ||
        !is_last_axis(graph_, split.inputs[0], split.attribute_or("axis", std::int64_t{0})) ||
        !same_shape(graph_, split.outputs[0], split.outputs[1]))
      return std::nullopt;
    return Half{split.inputs[0], split.outputs[1] == value};
  }

  std::optional<Half> sliced_half(const Node& slice) const {
    const auto begin = integers(graph_, slice.input(1)), end = integers(graph_, slice.input(2)),
               axis = integers(graph_, slice.input(3)), step = integers(graph_, slice.input(4));
    const auto extent = last_extent(graph_, slice.inputs[0]);
    if (!begin || !end || !axis || !extent || *extent % 2 != 0 || begin->size() != 1 || end->size() != 1 ||
        axis->size() != 1 || !is_last_axis(graph_, slice.inputs[0], axis->front()) || (step && step->front() != 1) ||
        (slice.has_input(4) && !step))
      return std::nullopt;
    const std::int64_t half = *extent / 2;
    if (begin->front() == 0 && (end->front() == half || end->front() == -half)) return Half{slice.inputs[0], false};
    const bool from_half = begin->front() == half || begin->front() == -half;
    if (from_half && end->front() >= *extent) return Half{slice.inputs[0], true};
    return std::nullopt;
  }

  /// [1 or B, S, D] or [1 or B, 1, S, D] beside x [B, heads, S, D].
  bool fits(ValueId factor, const SymbolicShape& x) const {
    const SymbolicShape& shape = graph_.value(factor).shape;
    if (!shape.ranked || shape.rank() != 4 || graph_.value(factor).type != DataType::f32) return false;
    return (shape.dims[0] == Dim(1) || shape.dims[0] == x.dims[0]) && shape.dims[1] == Dim(1) &&
           shape.dims[2] == x.dims[2] && shape.dims[3] == x.dims[3];
  }

  void fuse(std::size_t index, ValueId x, ValueId cosines, ValueId sines) {
    const Node& add = rewriter_.node(index);
    const SymbolicShape& shape = graph_.value(x).shape;
    if (!shape.ranked || shape.rank() != 4 || !fits(cosines, shape) || !fits(sines, shape)) {
      rewriter_.decline(add, "positions are turned in another layout than [batch, heads, length, depth]");
      return;
    }
    rewriter_.replace(index, {"FusedRotary", add.name, {x, cosines, sines}, {}}, "became FusedRotary");
  }

  Rewriter& rewriter_;
  const Graph& graph_;
};

}  // namespace

int fuse_rotary(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "rotary", notes);
  RotaryPattern pattern(rewriter);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    if (rewriter.node(i).op == "Add") pattern.look_at(i);
    if (rewriter.node(i).op == "RotaryEmbedding") i = pattern.spell_out(i);
  }
  return rewriter.count();
}

}  // namespace tessera::passes
