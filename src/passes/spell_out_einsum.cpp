// Einsum of two operands becomes a MatMul, which quantization, bf16, linear layers and attention know:
//
//   bhid,bhjd->bhij   [Transpose ->] MatMul [-> Transpose]: batches of matrices, one axis each for rows, columns and
//   sums abc,cde->abde     [Reshape ->] MatMul by a constant matrix [-> Reshape]: a linear layer, of several axes
//   perhaps
//
// Other forms stay a node; plans compute them by the same kernels between copies.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ops/einsum.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

class EinsumSpeller {
 public:
  EinsumSpeller(Rewriter& rewriter, std::size_t index, EinsumProduct product)
      : rewriter_(rewriter),
        graph_(rewriter.graph()),
        index_(index),
        node_(rewriter.node(index)),
        product_(std::move(product)) {}

  void spell_out() {
    if (is_layer())
      write_layer();
    else if (is_batch())
      write_batch();
    else
      rewriter_.decline(node_, "its equation is no batch of matrix products of one axis each");
  }

 private:
  const Dim& extent(std::size_t operand, char label) const {
    return graph_.value(node_.inputs[operand]).shape.dims[product_.operands[operand].find(label)];
  }

  /// Both operands have the same extents along these, so that nothing is broadcast.
  bool agree(const std::string& labels) const {
    return std::ranges::all_of(labels, [&](char label) { return extent(0, label) == extent(1, label); });
  }

  bool is_layer() const {
    return graph_.value(node_.inputs[1]).is_constant() && product_.items.empty() && !product_.rows.empty() &&
           !product_.columns.empty() && !product_.depth.empty() && agree(product_.depth) &&
           product_.operands[0] == product_.rows + product_.depth &&
           product_.result == product_.rows + product_.columns;
  }

  bool is_batch() const {
    return product_.rows.size() == 1 && product_.columns.size() == 1 && product_.depth.size() == 1 &&
           agree(product_.items) && agree(product_.depth);
  }

  ValueId add(const std::string& op, const std::string& what, std::vector<ValueId> inputs, Attributes attributes = {}) {
    const std::string name = node_.name + "/" + what;
    const ValueId y = rewriter_.add_value(name, DataType::f32);
    nodes_.push_back({op, name, std::move(inputs), {y}, std::move(attributes)});
    return y;
  }

  /// `value`, whose axes have the labels `from`, with its axes in the order `to`.
  ValueId ordered(ValueId value, const std::string& from, const std::string& to, const std::string& what) {
    if (from == to) return value;
    std::vector<std::int64_t> perm;
    for (const char label : to) perm.push_back(static_cast<std::int64_t>(from.find(label)));
    return add("Transpose", what, {value}, {{"perm", std::move(perm)}});
  }

  /// `value` under the shape that the Reshape op makes of these numbers.
  ValueId reshaped(ValueId value, const std::vector<std::int64_t>& target, const std::string& what) {
    const Tensor numbers = Tensor::from<std::int64_t>(Shape{static_cast<std::int64_t>(target.size())}, target);
    return add("Reshape", what, {value, rewriter_.add_constant(node_.name + "/" + what + "_shape", numbers)});
  }

  void write_batch() {
    const std::string &items = product_.items, &rows = product_.rows, &columns = product_.columns;
    const std::string& depth = product_.depth;
    const ValueId a = ordered(node_.inputs[0], product_.operands[0], items + rows + depth, "a");
    const ValueId b = ordered(node_.inputs[1], product_.operands[1], items + depth + columns, "b");
    const ValueId c = add("MatMul", "product", {a, b});
    ordered(c, items + rows + columns, product_.result, "result");
    finish("became a MatMul");
  }

  void write_layer() {
    const std::string &rows = product_.rows, &columns = product_.columns, &depth = product_.depth;
    // What rows of the result and of the first operand start with is copied from what is reshaped.
    std::vector<std::int64_t> target(rows.size(), 0);
    std::int64_t sums = 1, outputs = 1;
    for (const char label : depth) sums *= extent(1, label).value();
    for (const char label : columns) outputs *= extent(1, label).value();
    ValueId a = node_.inputs[0];
    ValueId b = ordered(node_.inputs[1], product_.operands[1], depth + columns, "weights");
    if (depth.size() + columns.size() != 2) b = reshaped(b, {sums, outputs}, "matrix");
    if (depth.size() > 1) {
      target.push_back(sums);
      a = reshaped(a, target, "joined");
      target.pop_back();
    }
    const ValueId c = add("MatMul", "product", {a, b});
    if (columns.size() > 1) {
      for (const char label : columns) target.push_back(extent(1, label).value());
      reshaped(c, target, "result");
    }
    finish("became a MatMul by a constant matrix");
  }

  void finish(const std::string& why) {
    nodes_.back().outputs = node_.outputs;
    rewriter_.expand(index_, std::move(nodes_), why);
  }

  Rewriter& rewriter_;
  const Graph& graph_;
  std::size_t index_;
  const Node node_;
  EinsumProduct product_;
  std::vector<Node> nodes_;
};

}  // namespace

int spell_out_einsum(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "spell_out_einsum", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    if (node.op != "Einsum" || node.inputs.size() != 2) continue;
    const SymbolicShape &a = graph.value(node.inputs[0]).shape, &b = graph.value(node.inputs[1]).shape;
    auto product =
        a.ranked && b.ranked ? einsum_product_of(node, {a.rank(), b.rank()}) : std::optional<EinsumProduct>{};
    if (product)
      EinsumSpeller(rewriter, i, *std::move(product)).spell_out();
    else
      rewriter.decline(node, "its equation is no product of two operands");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
