// Linear layers: MatMul by a weight matrix with the Add of a bias, and Gemm, become FusedMatMul.
//
// A weight may stand behind a Transpose, which turns into transB instead of a copy, and behind a DequantizeLinear,
// which stays between until fold_qdq takes it in.
#include <optional>
#include <string>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

struct Weight {
  ValueId value = no_value;
  bool transposed = false;
  std::int64_t outputs = 0;  ///< N
};

/// The weight matrix behind input B of a product, or nothing with the reason noted.
std::optional<Weight> weight_of(Rewriter& rewriter, const Node& node, ValueId b, bool transposed) {
  const Graph& graph = rewriter.graph();
  if (const Node* transpose = rewriter.producer(b, "Transpose")) {
    if (is_matrix_transpose(graph, *transpose)) {
      b = transpose->inputs[0];
      transposed = !transposed;
    }
  }
  if (!is_weight(rewriter, b)) {
    rewriter.decline(node, graph.value(b).name + " is not a constant weight");
    return std::nullopt;
  }
  const SymbolicShape& shape = graph.value(b).shape;
  if (!shape.concrete() || shape.rank() != 2) {
    rewriter.decline(node, "the weight " + graph.value(b).name + " is not a matrix");
    return std::nullopt;
  }
  return Weight{b, transposed, shape.dims[transposed ? 0 : 1].value()};
}

/// A constant (or dequantized constant) that is one vector of N, whatever leading ones its shape has.
bool is_bias(const Rewriter& rewriter, ValueId value, std::int64_t outputs, std::size_t rank_limit) {
  if (!is_weight(rewriter, value)) return false;
  const SymbolicShape& shape = rewriter.graph().value(value).shape;
  if (!shape.concrete() || shape.rank() == 0 || shape.rank() > rank_limit) return false;
  // Leading ones are only dropped from a constant: a DequantizeLinear would need its own Reshape.
  if (shape.rank() > 1 && !rewriter.graph().value(value).is_constant()) return false;
  const Shape extents = shape.to_shape();
  return extents.back() == outputs && extents.elements() == outputs;
}

/// The bias as a value of rank 1.
ValueId as_vector(Rewriter& rewriter, ValueId bias) {
  const Value& value = rewriter.graph().value(bias);
  if (value.shape.rank() == 1) return bias;
  const Tensor flat = value.constant.reshaped(Shape{value.constant.shape().elements()});
  return rewriter.add_constant(value.name, flat);
}

Attributes attributes_for(const Weight& weight) {
  return {{"transB", std::int64_t{weight.transposed ? 1 : 0}}, {"activation", std::string("none")}};
}

void fuse_matmul(Rewriter& rewriter, std::size_t index) {
  const Graph& graph = rewriter.graph();
  const Node& matmul = rewriter.node(index);
  const SymbolicShape& x = graph.value(matmul.inputs[0]).shape;
  if (!x.ranked || x.rank() < 2) return rewriter.decline(matmul, "X is not a matrix or a stack of matrices");
  const auto weight = weight_of(rewriter, matmul, matmul.inputs[1], false);
  if (!weight) return;
  const std::size_t rank = x.rank();
  if (const Node* add = rewriter.only_consumer(matmul.outputs[0], "Add")) {
    const Operands bias = pick(*add, [&](ValueId id) { return is_bias(rewriter, id, weight->outputs, rank); });
    if (bias) {
      const ValueId vector = as_vector(rewriter, bias.match);
      return rewriter.replace(
          rewriter.index_of(*add),
          {"FusedMatMul", matmul.name, {matmul.inputs[0], weight->value, vector}, attributes_for(*weight)},
          "MatMul and its bias became FusedMatMul");
    }
  }
  rewriter.replace(index, {"FusedMatMul", matmul.name, {matmul.inputs[0], weight->value}, attributes_for(*weight)},
                   "MatMul became FusedMatMul");
}

void fuse_gemm(Rewriter& rewriter, std::size_t index) {
  const Node& gemm = rewriter.node(index);
  if (gemm.attribute_or("transA", std::int64_t{0}) != 0) return rewriter.decline(gemm, "transA is set");
  const bool scales_bias = gemm.has_input(2) && gemm.attribute_or("beta", 1.0F) != 1.0F;
  if (gemm.attribute_or("alpha", 1.0F) != 1.0F || scales_bias) {
    return rewriter.decline(gemm, "alpha or beta is not 1");
  }
  const auto weight = weight_of(rewriter, gemm, gemm.inputs[1], gemm.attribute_or("transB", std::int64_t{0}) != 0);
  if (!weight) return;
  ValueId bias = no_value;
  if (gemm.has_input(2)) {
    if (!is_bias(rewriter, gemm.inputs[2], weight->outputs, 2)) {
      return rewriter.decline(gemm, "C is not a constant vector of " + std::to_string(weight->outputs));
    }
    bias = as_vector(rewriter, gemm.inputs[2]);
  }
  rewriter.replace(index, {"FusedMatMul", gemm.name, {gemm.inputs[0], weight->value, bias}, attributes_for(*weight)},
                   "Gemm became FusedMatMul");
}

/// A product that another pass made: all it may lack is its bias.
void take_bias(Rewriter& rewriter, std::size_t index) {
  const Node& product = rewriter.node(index);
  if (product.has_input(2) || product.has_input(3)) return;
  const Graph& graph = rewriter.graph();
  const Node* add = rewriter.only_consumer(product.outputs[0], "Add");
  const SymbolicShape& w = graph.value(product.inputs[1]).shape;
  const SymbolicShape& x = graph.value(product.inputs[0]).shape;
  if (add == nullptr || !x.ranked || !w.concrete() || w.rank() != 2) return;
  const bool transposed = product.attribute_or("transB", std::int64_t{0}) != 0;
  const std::int64_t outputs = w.dims[transposed ? 0 : 1].value();
  const Operands bias = pick(*add, [&](ValueId id) { return is_bias(rewriter, id, outputs, x.rank()); });
  if (!bias) return;
  const ValueId vector = as_vector(rewriter, bias.match);
  rewriter.replace(rewriter.index_of(*add),
                   {"FusedMatMul", product.name, {product.inputs[0], product.inputs[1], vector}, product.attributes},
                   "FusedMatMul took its bias in");
}

}  // namespace

int fuse_linear(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "linear", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    if (node.op == "MatMul")
      fuse_matmul(rewriter, i);
    else if (node.op == "Gemm")
      fuse_gemm(rewriter, i);
    else if (node.op == "FusedMatMul")
      take_bias(rewriter, i);
  }
  return rewriter.count();
}

}  // namespace tessera::passes
