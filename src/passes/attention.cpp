// Multi-head attention from its parts becomes FusedAttention:
//
//   y = merge(Softmax(split(Q) * split(K) * scale [+ mask] [+ bias ...]) * split(V))
//
// split: Reshape [B, S, H * D] to [B, S, H, D], then the axes to [B, H, S, D], for K to [B, H, D, S]; merge: the way
// back. The scale may stand on the product, on q, on k or on both, as a Mul or a Div by a constant. Behind the Softmax
// PyTorch's scaled_dot_product_attention puts Where(IsNaN(p), 0, p): a query that may attend to nothing gets zeros. Q
// and K may be turned by rotary positions in between (FusedRotary of [B, H, S, D]), which then turns [B, S, H * D].
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "passes/attention_operands.hpp"
#include "passes/match.hpp"
#include "passes/packed_heads.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

using Order = std::array<std::int64_t, 4>;
constexpr Order heads_first{0, 2, 1, 3};       ///< [B, S, H, D] -> [B, H, S, D]
constexpr Order heads_transposed{0, 2, 3, 1};  ///< [B, S, H, D] -> [B, H, D, S]

/// What stands between a projection and a product: its source, the order of axes and the scale gathered on the way.
struct Heads {
  ValueId source = no_value;         ///< [B, S, H * D]
  std::optional<std::int64_t> part;  ///< of a source [B, S, 3 * H * D] that holds Q, K and V side by side
  SymbolicShape split;               ///< [B, S, H, D]
  Order order{0, 1, 2, 3};
  double scale = 1;
  std::optional<std::pair<ValueId, ValueId>> rotary;  ///< the factors of a FusedRotary on the way
  std::int64_t repeated = 1;                          ///< each head, so many times
};

/// An operand of a product without the pair that takes it through u8, and what that pair says.
struct Operand {
  ValueId value = no_value;
  std::optional<Quantization> integers;
};

/// A Where between scores and a number that takes their place.
struct Replacement {
  ValueId condition = no_value;
  ValueId lowest = no_value;
  bool where_it_holds = false;  ///< the number stands where the condition holds, else where it does not
};

struct Scores {
  ValueId product = no_value;  ///< output of the MatMul of q and k
  std::vector<ValueId> added;  ///< masks and biases
  std::vector<Replacement> replaced;
  double scale = 1;
};

/// What the product with V reads.
struct Probabilities {
  ValueId value = no_value;
  bool guarded = false;  ///< NaN has become 0
};

class AttentionPattern {
 public:
  AttentionPattern(Rewriter& rewriter, const Node& softmax)
      : rewriter_(rewriter), graph_(rewriter.graph()), softmax_(softmax) {}

  /// Rewrites the pattern around the Softmax. Anything that is no attention at all is passed over in silence.
  void fuse() {
    const Probabilities probabilities = probabilities_of_softmax();
    const Node* context = reader_of(probabilities.value);
    const auto scores = scores_of(softmax_.inputs[0]);
    if (context == nullptr || operand(context->inputs[0]).value != probabilities.value || !scores)
      return look_for_near_match(probabilities, scores);
    if (!is_last_axis(graph_, softmax_.inputs[0], softmax_.attribute_or("axis", std::int64_t{-1}))) {
      return decline("Softmax is not over the last axis");
    }
    const Node& product = *rewriter_.producer(scores->product, "MatMul");
    const Operand left = operand(product.inputs[0]), right = operand(product.inputs[1]);
    const Operand weights = operand(context->inputs[0]), values = operand(context->inputs[1]);
    const auto q = heads_of(left.value, "Q");
    const auto k = q ? heads_of(right.value, "K") : std::nullopt;
    const auto v = k ? heads_of(values.value, "V") : std::nullopt;
    if (!v || !fit_together(*q, *k, *v)) return;
    const auto inputs = inputs_of(*q, *k, *v);
    const Node* last = inputs ? merge_of_heads(*context, *q) : nullptr;
    if (last == nullptr || !masks_fit(*scores, *q, *k) || !interior_vanishes(*scores)) return;

    const double scale = scores->scale * q->scale * k->scale;
    Attributes attributes{{"num_heads", q->split.dims[2].value()}, {"scale", static_cast<float>(scale)}};
    if (left.integers && right.integers) {
      add_integers(attributes, "q", *left.integers);
      add_integers(attributes, "k", *right.integers);
    }
    if (weights.integers && values.integers) {
      if (probabilities.guarded) return decline("NaN is looked for before the probabilities become integers");
      add_integers(attributes, "p", *weights.integers);
      add_integers(attributes, "v", *values.integers);
    }
    if (probabilities.guarded) attributes["nan_is_zero"] = std::int64_t{1};
    if (k->repeated > 1) attributes["kv_num_heads"] = q->split.dims[2].value() / k->repeated;
    write(*last, tokens_of(*inputs, *q, *k), *scores, std::move(attributes));
  }

 private:
  Operand operand(ValueId value) const {
    auto integers = integer_operand(rewriter_, value);
    return integers ? Operand{integers->first, std::move(integers->second)} : Operand{value, std::nullopt};
  }

  static void add_integers(Attributes& attributes, const std::string& name, const Quantization& q) {
    attributes[name + "_scale"] = q.scale.front();
    attributes[name + "_zero_point"] = std::int64_t{q.zero_point.front()};
  }

  /// Q, K and V as FusedAttention reads them, and the nodes that make them so.
  struct Tokens {
    std::vector<ValueId> inputs;
    std::vector<Node> nodes;
  };

  /// Turns Q and K where they lie as [B, S, H * D]; what lies side by side is taken apart for it.
  Tokens tokens_of(std::vector<ValueId> inputs, const Heads& q, const Heads& k) {
    Tokens tokens{std::move(inputs), {}};
    if (!q.rotary && !k.rotary) return tokens;
    const std::string& name = softmax_.name;
    if (tokens.inputs[1] == no_value) {
      const ValueId packed = tokens.inputs[0];
      tokens.inputs.clear();
      for (const char* part : {"/q", "/k", "/v"})
        tokens.inputs.push_back(rewriter_.add_value(name + part, DataType::f32));
      tokens.nodes.push_back({"Split", name + "/qkv", {packed}, tokens.inputs, {{"axis", std::int64_t{2}}}});
    }
    const std::array<const Heads*, 2> operands{&q, &k};
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (!operands[i]->rotary) continue;
      const auto& [cosines, sines] = *operands[i]->rotary;
      const std::string turned = name + (i == 0 ? "/turned_q" : "/turned_k");
      const ValueId y = rewriter_.add_value(turned, DataType::f32);
      tokens.nodes.push_back({"FusedRotary",
                              turned,
                              {tokens.inputs[i], cosines, sines},
                              {y},
                              {{"num_heads", operands[i]->split.dims[2].value() / operands[i]->repeated}}});
      tokens.inputs[i] = y;
    }
    return tokens;
  }

  /// The number that is added where one stands in the place of scores, and 0 elsewhere.
  ValueId addend_of(const Replacement& replaced, std::size_t index, std::vector<Node>& nodes) {
    const std::string name = softmax_.name + "/lowest" + std::to_string(index);
    const ValueId zero = rewriter_.add_constant(name + "_else", Tensor::scalar(0.0F));
    const ValueId mask = rewriter_.add_value(name, DataType::f32);
    const ValueId yes = replaced.where_it_holds ? replaced.lowest : zero;
    const ValueId no = replaced.where_it_holds ? zero : replaced.lowest;
    nodes.push_back({"Where", name, {replaced.condition, yes, no}, {mask}, {}});
    return mask;
  }

  /// Puts FusedAttention in the place of `last`. It takes one mask: several are added up first.
  void write(const Node& last, Tokens tokens, const Scores& scores, Attributes attributes) {
    std::vector<Node> nodes = std::move(tokens.nodes);
    std::vector<ValueId> inputs = std::move(tokens.inputs);
    std::vector<ValueId> added = scores.added;
    for (std::size_t i = 0; i < scores.replaced.size(); ++i) added.push_back(addend_of(scores.replaced[i], i, nodes));
    ValueId mask = added.empty() ? no_value : added.front();
    for (std::size_t i = 1; i < added.size(); ++i) {
      const std::string name = softmax_.name + "/mask" + std::to_string(i);
      const ValueId sum = rewriter_.add_value(name, DataType::f32);
      nodes.push_back({"Add", name, {mask, added[i]}, {sum}, {}});
      mask = sum;
    }
    inputs.push_back(mask);
    nodes.push_back({"FusedAttention", softmax_.name, std::move(inputs), last.outputs, std::move(attributes)});
    rewriter_.expand(rewriter_.index_of(last), std::move(nodes), "became FusedAttention");
  }

  /// What the Softmax puts out, or what is left of it once NaN is replaced by 0.
  Probabilities probabilities_of_softmax() const {
    const ValueId p = softmax_.outputs[0];
    const auto& readers = rewriter_.uses().consumers(p);
    if (readers.size() != 2 || rewriter_.uses().is_output(p)) return {p, false};
    for (const auto reader : readers) {
      const Node& where = rewriter_.node(static_cast<std::size_t>(reader));
      if (where.op != "Where" || where.inputs[2] != p || scalar(graph_, where.inputs[1]) != 0.0) continue;
      const Node* nan = rewriter_.producer(where.inputs[0], "IsNaN");
      if (nan != nullptr && nan->inputs[0] == p && rewriter_.uses().single_use(nan->outputs[0]))
        return {where.outputs[0], true};
    }
    return {p, false};
  }

  /// The product with V, perhaps behind a pair.
  const Node* reader_of(ValueId probabilities) const {
    const Node* quantize = rewriter_.only_consumer(probabilities, "QuantizeLinear");
    if (quantize == nullptr) return rewriter_.only_consumer(probabilities, "MatMul");
    const Node* dequantize = rewriter_.only_consumer(quantize->outputs[0], "DequantizeLinear");
    return dequantize == nullptr ? nullptr : rewriter_.only_consumer(dequantize->outputs[0], "MatMul");
  }

  void decline(std::string why) { rewriter_.decline(softmax_, std::move(why)); }

  void look_for_near_match(const Probabilities& probabilities, const std::optional<Scores>& scores) {
    if (!scores) return;
    decline(rewriter_.uses().single_use(probabilities.value)
                ? "the probabilities do not feed the left side of a MatMul"
                : "the probabilities " + graph_.value(probabilities.value).name + " are used elsewhere");
  }

  /// The value and factor of a Mul or Div by a constant scalar.
  std::optional<std::pair<ValueId, double>> scaled(ValueId value) const {
    if (const Node* div = rewriter_.producer(value, "Div")) {
      if (const auto number = scalar(graph_, div->inputs[1])) return std::pair{div->inputs[0], 1 / *number};
    }
    if (const Node* mul = rewriter_.producer(value, "Mul")) {
      const Operands factor = pick(*mul, [&](ValueId id) { return scalar(graph_, id).has_value(); });
      if (factor) return std::pair{factor.other, *scalar(graph_, factor.match)};
    }
    return std::nullopt;
  }

  /// The product of q and k behind an optional scale.
  std::optional<Scores> scaled_product(ValueId value) const {
    Scores scores{value, {}, {}, 1};
    while (const auto step = scaled(scores.product)) {
      scores.product = step->first;
      scores.scale *= step->second;
    }
    if (rewriter_.producer(scores.product, "MatMul") == nullptr) return std::nullopt;
    return scores;
  }

  /// A number so low that adding a score to it gives it back: half of its last place is more than any score.
  bool is_lowest(ValueId value) const {
    const auto number = scalar(graph_, value);
    return number && *number <= -1e30;
  }

  /// What stands in the place of scores, and on which side of the Where these are.
  std::optional<std::pair<Replacement, std::size_t>> replacement_of(const Node& where) const {
    for (const std::size_t side : {1U, 2U})
      if (is_lowest(where.inputs[side]))
        return std::pair{Replacement{where.inputs[0], where.inputs[side], side == 1}, 3 - side};
    return std::nullopt;
  }

  /// The product behind whatever is added to it, or takes its place.
  std::optional<Scores> scores_of(ValueId value) const {
    if (const Node* where = rewriter_.producer(value, "Where")) {
      const auto replacement = replacement_of(*where);
      auto scores = replacement ? scores_of(where->inputs[replacement->second]) : std::nullopt;
      if (scores) scores->replaced.push_back(replacement->first);
      return scores;
    }
    const Node* add = rewriter_.producer(value, "Add");
    if (add == nullptr) return scaled_product(value);
    for (const std::size_t side : {0U, 1U}) {
      if (auto scores = scores_of(add->inputs[side])) {
        scores->added.push_back(add->inputs[1 - side]);
        return scores;
      }
    }
    return std::nullopt;
  }

  /// Walks from an operand of a product up to the Reshape that splits the heads.
  std::optional<Heads> heads_of(ValueId value, const std::string& role) {
    Heads heads;
    Order behind{0, 1, 2, 3};  // what becomes of the order of axes behind rotary positions
    while (true) {
      if (!rewriter_.uses().single_use(value)) {
        decline(role + " " + graph_.value(value).name + " is used elsewhere");
        return std::nullopt;
      }
      if (const auto step = scaled(value)) {
        value = step->first;
        heads.scale *= step->second;
      } else if (const Node* transpose = rewriter_.producer(value, "Transpose")) {
        const auto perm = permutation(graph_, *transpose);
        if (perm.size() != 4) break;
        for (std::int64_t& axis : heads.order) axis = perm[static_cast<std::size_t>(axis)];
        value = transpose->inputs[0];
      } else if (const Node* rotary = rewriter_.producer(value, "FusedRotary"); rotary != nullptr && !heads.rotary) {
        heads.rotary = {rotary->inputs[1], rotary->inputs[2]};
        behind = in_order(behind, std::exchange(heads.order, Order{0, 1, 2, 3}));
        value = rotary->inputs[0];
      } else if (const auto repeat = repeat_of(value); repeat && heads.repeated == 1) {
        heads.repeated = repeat->second;
        behind = in_order(behind, std::exchange(heads.order, Order{0, 1, 2, 3}));
        value = repeat->first;
      } else {
        break;
      }
    }
    if (!find_source(value, role, heads)) return std::nullopt;
    if ((heads.rotary || heads.repeated > 1) && heads.order != heads_first) {
      decline(role + " is turned by positions, or repeated, in another order of axes");
      return std::nullopt;
    }
    if (heads.repeated > 1 && heads.part) {
      decline(role + " is repeated, and lies beside others");
      return std::nullopt;
    }
    if (heads.repeated > 1) heads.split.dims[2] = heads.split.dims[2] * Dim(heads.repeated);
    heads.order = in_order(behind, heads.order);
    return heads;
  }

  /// The axes of `behind` where those that it permutes are permuted themselves.
  static Order in_order(const Order& behind, const Order& axes) {
    Order order{};
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = axes[static_cast<std::size_t>(behind[i])];
    return order;
  }

  /// Where `value` [B, H, S, D] holds each head of another value several times in a row: that value, and how often.
  std::optional<std::pair<ValueId, std::int64_t>> repeat_of(ValueId value) const {
    const Node* merge = rewriter_.producer(value, "Reshape");
    const Node* expand = merge == nullptr ? nullptr : rewriter_.producer(merge->inputs[0], "Expand");
    // Unsqueeze has become a Reshape by now, where its shape is simple.
    const Node* unsqueeze = expand == nullptr ? nullptr : rewriter_.producer(expand->inputs[0], "Unsqueeze");
    if (unsqueeze == nullptr && expand != nullptr) unsqueeze = rewriter_.producer(expand->inputs[0], "Reshape");
    if (unsqueeze == nullptr || !rewriter_.uses().single_use(merge->inputs[0]) ||
        !rewriter_.uses().single_use(expand->inputs[0]))
      return std::nullopt;
    const SymbolicShape &x = graph_.value(unsqueeze->inputs[0]).shape, &one = graph_.value(expand->inputs[0]).shape;
    const SymbolicShape &many = graph_.value(merge->inputs[0]).shape, &y = graph_.value(value).shape;
    if (!x.ranked || !one.ranked || !many.ranked || !y.ranked || x.rank() != 4 || many.rank() != 5 || y.rank() != 4)
      return std::nullopt;
    const Dim& times = many.dims[2];
    if (!times.known() || !(one.dims[2] == Dim(1)) || !x.dims[1].known() || !y.dims[1].known()) return std::nullopt;
    const std::vector<Dim> repeated{x.dims[0], x.dims[1], times, x.dims[2], x.dims[3]};
    const std::vector<Dim> single{x.dims[0], x.dims[1], Dim(1), x.dims[2], x.dims[3]};
    const bool fits = std::ranges::equal(many.dims, repeated) && std::ranges::equal(one.dims, single) &&
                      y.dims[0] == x.dims[0] && y.dims[2] == x.dims[2] && y.dims[3] == x.dims[3] &&
                      y.dims[1].value() == x.dims[1].value() * times.value();
    return fits ? std::optional(std::pair{unsqueeze->inputs[0], times.value()}) : std::nullopt;
  }

  /// The Reshape that splits the heads, or what takes them out of a tensor that holds Q, K and V.
  bool find_source(ValueId value, const std::string& role, Heads& heads) {
    if (const auto packed = packed_heads(rewriter_, value)) {
      for (std::int64_t& axis : heads.order) axis = packed->order[static_cast<std::size_t>(axis)];
      heads.source = packed->source;
      heads.part = packed->part;
      heads.split = packed->split;
      return true;
    }
    const Node* split = rewriter_.producer(value, "Reshape");
    if (split == nullptr || !splits_heads(split->inputs[0], value)) {
      decline(role + " is not a Reshape of [B, S, H * D] to [B, S, H, D]");
      return false;
    }
    heads.source = split->inputs[0];
    heads.split = graph_.value(value).shape;
    // A scale in front of the split, as some models apply it to the projection of Q, stays where it is: it is one cheap
    // node.
    return true;
  }

  bool splits_heads(ValueId from, ValueId to) const {
    const SymbolicShape& flat = graph_.value(from).shape;
    const SymbolicShape& split = graph_.value(to).shape;
    return flat.ranked && split.ranked && flat.rank() == 3 && split.rank() == 4 && flat.dims[0] == split.dims[0] &&
           flat.dims[1] == split.dims[1] && split.dims[2].known() && split.dims[3].known();
  }

  bool fit_together(const Heads& q, const Heads& k, const Heads& v) {
    if (q.order != heads_first || v.order != heads_first || k.order != heads_transposed) {
      decline("the axes of Q, K or V are in another order");
      return false;
    }
    if (q.repeated != 1 || k.repeated != v.repeated) {
      decline("heads of K and V are shared in different ways");
      return false;
    }
    if (v.scale != 1.0) {
      decline("V is scaled");
      return false;
    }
    const auto& a = q.split.dims;
    const bool same_batch = a[0] == k.split.dims[0] && a[0] == v.split.dims[0];
    const bool same_heads =
        a[2] == k.split.dims[2] && a[2] == v.split.dims[2] && a[3] == k.split.dims[3] && a[3] == v.split.dims[3];
    if (!same_batch || !same_heads || !(k.split.dims[1] == v.split.dims[1])) {
      decline("Q, K and V differ in batch, heads or sequence");
      return false;
    }
    return true;
  }

  /// Q, K and V; where they lie side by side, the tensor that holds them.
  std::optional<std::vector<ValueId>> inputs_of(const Heads& q, const Heads& k, const Heads& v) {
    if (!q.part && !k.part && !v.part) return std::vector{q.source, k.source, v.source};
    if (q.part == 0 && k.part == 1 && v.part == 2 && q.source == k.source && q.source == v.source)
      return std::vector{q.source, no_value, no_value};
    decline("Q, K and V lie side by side in another order");
    return std::nullopt;
  }

  /// The Reshape that ends the pattern, or null with the reason noted.
  const Node* merge_of_heads(const Node& context, const Heads& q) {
    const Node* transpose = rewriter_.only_consumer(context.outputs[0], "Transpose");
    const std::vector<std::int64_t> back(heads_first.begin(), heads_first.end());
    const Node* reshape = nullptr;
    if (transpose != nullptr && permutation(graph_, *transpose) == back) {
      reshape = rewriter_.only_consumer(transpose->outputs[0], "Reshape");
    }
    if (reshape == nullptr || reshape->inputs[0] != transpose->outputs[0]) {
      decline("the context is not brought back by Transpose and Reshape, or is used in between");
      return nullptr;
    }
    const SymbolicShape& ends_as = graph_.value(reshape->outputs[0]).shape;
    const SymbolicShape expected{q.split.dims[0], q.split.dims[1], q.split.dims[2] * q.split.dims[3]};
    if (!ends_as.ranked || !std::ranges::equal(ends_as.dims, expected.dims)) {
      decline("the context ends as " + to_string(ends_as));
      return nullptr;
    }
    return reshape;
  }

  /// What is added must broadcast to [B, H, S, T] without making the scores larger, and have a number for each key.
  bool masks_fit(const Scores& scores, const Heads& q, const Heads& k) {
    const std::array<Dim, 4> target{q.split.dims[0], q.split.dims[2], q.split.dims[1], k.split.dims[1]};
    std::vector<ValueId> masks = scores.added;
    for (const Replacement& replaced : scores.replaced) masks.push_back(replaced.condition);
    bool for_each_key = masks.empty();
    for (const ValueId added : masks) {
      const Value& value = graph_.value(added);
      const SymbolicShape& mask = value.shape;
      bool fits = (value.type == DataType::f32 || value.type == DataType::boolean) && mask.ranked &&
                  mask.rank() <= target.size();
      for (std::size_t i = 0; fits && i < mask.rank(); ++i) {
        const Dim& dim = mask.dims[mask.rank() - 1 - i];
        fits = dim == Dim(1) || dim == target[target.size() - 1 - i];
      }
      if (!fits) {
        decline("the mask " + to_string(mask) + " does not broadcast to the scores");
        return false;
      }
      for_each_key = for_each_key || (mask.rank() > 0 && mask.dims.back() == target.back());
    }
    if (!for_each_key) decline("the mask is the same for all keys");
    return for_each_key;
  }

  /// The values between the first product and the Softmax have no other reader.
  bool interior_vanishes(const Scores& scores) {
    ValueId value = softmax_.inputs[0];
    while (true) {
      if (!rewriter_.may_vanish(softmax_, value)) return false;
      if (value == scores.product) return true;
      const Node& step = rewriter_.node(static_cast<std::size_t>(rewriter_.uses().producer(value)));
      if (step.op == "Where") {
        value = step.inputs[replacement_of(step)->second];
        continue;
      }
      const bool right = step.op != "Div" && leads_to_product(step.inputs[1], scores.product);
      value = step.inputs[right ? 1 : 0];
    }
  }
  bool leads_to_product(ValueId value, ValueId product) const {
    const auto scores = scores_of(value);
    return scores && scores->product == product;
  }

  Rewriter& rewriter_;
  const Graph& graph_;
  const Node& softmax_;
};

}  // namespace

int fuse_attention(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "attention", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    if (rewriter.node(i).op == "Softmax") AttentionPattern(rewriter, rewriter.node(i)).fuse();
  }
  return rewriter.count();
}

}  // namespace tessera::passes
