// Attention of operator set 23 becomes the products and the Softmax that it stands for. What quantizes, converts or
// fuses attention then knows one spelling only:
//
//   [Reshape, Transpose ->] MatMul(Q, Transpose(K)) -> Mul -> [Div, Tanh, Mul ->] [Add ->] Softmax -> MatMul(V)
//   [-> Transpose, Reshape]
//
// A mask of truth values becomes one of numbers: 0, or minus infinity. Causal attention adds such a mask, minus
// infinity above the diagonal, which is known as soon as the lengths are. Behind the Softmax of masked scores NaN
// becomes 0, as PyTorch writes it: a query that may attend to nothing gets zeros. Heads of K and V that several heads
// of Q share are repeated as exporters do it: Reshape(Expand(Unsqueeze)).
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

class Speller {
 public:
  Speller(Rewriter& rewriter, std::size_t index)
      : rewriter_(rewriter), graph_(rewriter.graph()), index_(index), node_(rewriter.node(index)) {}

  /// Empty: the node can be spelled out.
  std::string reason_against() const {
    const SymbolicShape &q = shape(0), &k = shape(1);
    if (!q.ranked || !k.ranked || q.rank() != k.rank() || (q.rank() != 3 && q.rank() != 4)) return "its ranks differ";
    if (!depth().known()) return "the size of its heads is not known";
    const bool counted = flat() || q.dims[1] == k.dims[1] || (q.dims[1].known() && k.dims[1].known());
    return counted ? "" : "the number of its heads is not known";
  }

  void spell_out() {
    const std::string name = node_.name;
    const ValueId q = heads_of(0, "q_num_heads");
    const ValueId k = repeated(heads_of(1, "kv_num_heads"), "key"), v = repeated(heads_of(2, "kv_num_heads"), "value");
    const ValueId turned = add("Transpose", "key", {k}, {{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}});
    const auto scale = node_.attribute_or("scale", 1.0F / std::sqrt(static_cast<float>(depth().value())));
    const ValueId factor = rewriter_.add_constant(name + "/scale", Tensor::scalar(scale));
    ValueId scores = add("Mul", "scaled", {add("MatMul", "scores", {q, turned}), factor});
    if (const float cap = node_.attribute_or("softcap", 0.0F); cap > 0.0F) {
      const ValueId number = rewriter_.add_constant(name + "/softcap", Tensor::scalar(cap));
      scores = add("Mul", "capped", {add("Tanh", "tanh", {add("Div", "by_cap", {scores, number})}), number});
    }
    if (node_.attribute_or("is_causal", std::int64_t{0}) != 0)
      scores = add("Add", "causal", {scores, causal_mask(q, k)});
    if (node_.has_input(3)) scores = add("Add", "masked", {scores, mask()});
    ValueId p = add("Softmax", "softmax", {scores}, {{"axis", std::int64_t{-1}}});
    if (node_.has_input(3)) p = guarded(p);
    ValueId y = add("MatMul", "context", {p, v});
    if (flat()) {
      y = add("Transpose", "tokens", {y}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
      y = add("Reshape", "merged", {y, numbers("merged_shape", {0, 0, -1})});
    }
    nodes_.back().outputs = node_.outputs;
    rewriter_.expand(index_, std::move(nodes_), "became products and a Softmax");
  }

 private:
  const SymbolicShape& shape(std::size_t input) const { return graph_.value(node_.inputs[input]).shape; }
  bool flat() const { return shape(0).rank() == 3; }
  std::int64_t heads(const char* key) const { return node_.attribute_or(key, std::int64_t{1}); }
  Dim depth() const { return flat() ? shape(0).dims[2] / Dim(heads("q_num_heads")) : shape(0).dims[3]; }

  ValueId numbers(const std::string& what, const std::vector<std::int64_t>& values) {
    const Shape length{static_cast<std::int64_t>(values.size())};
    return rewriter_.add_constant(node_.name + "/" + what, Tensor::from<std::int64_t>(length, values));
  }

  ValueId add(const std::string& op, const std::string& what, std::vector<ValueId> inputs, Attributes attributes = {}) {
    const std::string name = node_.name + "/" + what;
    const ValueId y = rewriter_.add_value(name, DataType::f32);
    nodes_.push_back({op, name, std::move(inputs), {y}, std::move(attributes)});
    return y;
  }

  /// Input `index` as [B, heads, S, D].
  ValueId heads_of(std::size_t index, const char* key) {
    const ValueId x = node_.inputs[index];
    if (!flat()) return x;
    const std::string name = "qkv" + std::to_string(index);
    const ValueId split = add("Reshape", name, {x, numbers(name + "_shape", {0, 0, heads(key), -1})});
    return add("Transpose", name + "_heads", {split}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
  }

  /// Heads of Q that share one of K.
  std::int64_t sharing() const {
    if (flat()) return heads("q_num_heads") / heads("kv_num_heads");
    const Dim &q = shape(0).dims[1], &k = shape(1).dims[1];
    return q == k ? 1 : q.value() / k.value();
  }

  /// K or V [B, heads, S, D] with each of its heads as often as heads of Q share it.
  ValueId repeated(ValueId x, const std::string& what) {
    if (sharing() == 1) return x;
    const std::int64_t q_heads = flat() ? heads("q_num_heads") : shape(0).dims[1].value();
    const ValueId one = add("Unsqueeze", what + "_one", {x, numbers(what + "_axis", {2})});
    const ValueId many = add("Expand", what + "_many", {one, numbers(what + "_times", {1, 1, sharing(), 1, 1})});
    const Dim width = flat() ? shape(what == "key" ? 1 : 2).dims[2] / Dim(heads("kv_num_heads"))
                             : shape(what == "key" ? 1 : 2).dims[3];
    const std::int64_t last = width.known() ? width.value() : depth().value();
    return add("Reshape", what + "_repeated", {many, numbers(what + "_repeated_shape", {0, q_heads, -1, last})});
  }

  /// A vector of one number: the length of Q or K. Taken from a graph input where one has it, so that nothing but
  /// products reads the heads.
  ValueId length_of(ValueId heads, const Dim& length, const std::string& what) {
    if (length.known()) return numbers(what, {length.value()});
    ValueId source = heads;
    std::int64_t axis = 2;
    for (const ValueId input : graph_.inputs) {
      const SymbolicShape& shape = graph_.value(input).shape;
      for (std::size_t i = 0; shape.ranked && i < shape.rank(); ++i)
        if (shape.dims[i] == length) std::tie(source, axis) = std::pair{input, static_cast<std::int64_t>(i)};
    }
    const std::string name = node_.name + "/" + what;
    const ValueId y = rewriter_.add_value(name, DataType::i64);
    nodes_.push_back({"Shape", name, {source}, {y}, {{"start", axis}, {"end", axis + 1}}});
    return y;
  }

  /// [S, T]: minus infinity where a key comes after the query.
  ValueId causal_mask(ValueId q, ValueId k) {
    const std::size_t axis = flat() ? 1 : 2;
    const std::vector<ValueId> both{length_of(q, shape(0).dims[axis], "queries"),
                                    length_of(k, shape(1).dims[axis], "keys")};
    const ValueId lengths = rewriter_.add_value(node_.name + "/lengths", DataType::i64);
    nodes_.push_back({"Concat", node_.name + "/lengths", both, {lengths}, {{"axis", std::int64_t{0}}}});
    const std::vector<float> lowest{-std::numeric_limits<float>::infinity()};
    const ValueId all = add("ConstantOfShape", "lowest", {lengths}, {{"value", Tensor::from<float>(Shape{1}, lowest)}});
    const ValueId next = rewriter_.add_constant(node_.name + "/next", Tensor::scalar(std::int64_t{1}));
    return add("Trilu", "causal_mask", {all, next}, {{"upper", std::int64_t{1}}});
  }

  ValueId number(const std::string& what, float value) {
    return rewriter_.add_constant(node_.name + "/" + what, Tensor::scalar(value));
  }

  /// A query that may attend to nothing gets zeros.
  ValueId guarded(ValueId p) {
    const ValueId nan = rewriter_.add_value(node_.name + "/nan", DataType::boolean);
    nodes_.push_back({"IsNaN", node_.name + "/nan", {p}, {nan}, {}});
    return add("Where", "guarded", {nan, number("zero", 0.0F), p});
  }

  ValueId mask() {
    const ValueId given = node_.inputs[3];
    if (graph_.value(given).type == DataType::f32) return given;
    return add("Where", "mask",
               {given, number("attended", 0.0F), number("masked_out", -std::numeric_limits<float>::infinity())});
  }

  Rewriter& rewriter_;
  const Graph& graph_;
  std::size_t index_;
  const Node node_;
  std::vector<Node> nodes_;
};

}  // namespace

int spell_out_attention(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "spell_out_attention", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    if (rewriter.node(i).op != "Attention") continue;
    Speller speller(rewriter, i);
    if (std::string why = speller.reason_against(); !why.empty())
      rewriter.decline(rewriter.node(i), std::move(why));
    else
      speller.spell_out();
  }
  return rewriter.count();
}

}  // namespace tessera::passes
