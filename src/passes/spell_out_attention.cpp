// Attention of operator set 23 becomes the products and the Softmax that it stands for. What quantizes, converts or
// fuses attention then knows one spelling only:
//
//   [Reshape, Transpose ->] MatMul(Q, Transpose(K)) -> Mul -> [Add ->] Softmax -> MatMul(V) [-> Transpose, Reshape]
//
// A mask of truth values becomes one of numbers: 0, or minus infinity. Behind the Softmax of masked scores NaN becomes
// 0, as PyTorch writes it: a query that may attend to nothing gets zeros.
#include <cmath>
#include <limits>
#include <string>
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
    if (node_.attribute_or("softcap", 0.0F) != 0.0F) return "softcap is not 0";
    if (node_.attribute_or("is_causal", std::int64_t{0}) != 0) return "it is causal";
    const SymbolicShape &q = shape(0), &k = shape(1);
    if (!q.ranked || !k.ranked || q.rank() != k.rank() || (q.rank() != 3 && q.rank() != 4)) return "its ranks differ";
    if (!depth().known()) return "the size of its heads is not known";
    const bool shared = flat() ? heads("q_num_heads") != heads("kv_num_heads") : !(q.dims[1] == k.dims[1]);
    return shared ? "several heads of Q share one of K" : "";
  }

  void spell_out() {
    const std::string name = node_.name;
    const ValueId q = heads_of(0, "q_num_heads"), k = heads_of(1, "kv_num_heads"), v = heads_of(2, "kv_num_heads");
    const ValueId turned = add("Transpose", "key", {k}, {{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}});
    const auto scale = node_.attribute_or("scale", 1.0F / std::sqrt(static_cast<float>(depth().value())));
    const ValueId factor = rewriter_.add_constant(name + "/scale", Tensor::scalar(scale));
    ValueId scores = add("Mul", "scaled", {add("MatMul", "scores", {q, turned}), factor});
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
