// Products of dynamically quantized files:
//   DynamicQuantizeLinear(x) -> MatMulInteger or ConvInteger -> Cast to f32 -> Mul by the scales of x and of the
//   weights
// say in six nodes: multiply x by these integers times their scale.
//   - MatMulInteger by constants becomes FusedMatMul, and ConvInteger FusedConv, with quantize_input: the plan
//   quantizes
//     x too, as the file says;
//   - MatMulInteger of two tensors that are both quantized when the model runs becomes MatMul of what they were made
//     of, which is nearer to the model that was quantized than the file is.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

/// The Cast and the Muls behind an integer product, taken apart.
struct Product {
  const Node* node = nullptr;    ///< MatMulInteger or ConvInteger
  std::vector<ValueId> factors;  ///< all f32 values it is multiplied by
};

/// Follows the Muls up from `value`; every operand that is no product in its turn is a factor.
void collect(const Rewriter& rewriter, ValueId value, Product& product) {
  if (const Node* mul = rewriter.producer(value, "Mul")) {
    for (const ValueId operand : mul->inputs) collect(rewriter, operand, product);
    return;
  }
  if (const Node* cast = rewriter.producer(value, "Cast"); cast != nullptr && product.node == nullptr) {
    product.node = rewriter.producer(cast->inputs[0], "MatMulInteger");
    if (product.node == nullptr) product.node = rewriter.producer(cast->inputs[0], "ConvInteger");
    if (product.node != nullptr) return;
  }
  product.factors.push_back(value);
}

/// The DynamicQuantizeLinear behind operand i of the product, if its scale is among the factors (and is taken out).
const Node* quantized_here(const Rewriter& rewriter, Product& product, std::size_t i) {
  const Node* quantize = rewriter.producer(product.node->inputs[i], "DynamicQuantizeLinear");
  if (quantize == nullptr || quantize->outputs.size() < 3 || product.node->input(i + 2) != quantize->outputs[2])
    return nullptr;
  const auto scale = std::ranges::find(product.factors, quantize->outputs[1]);
  if (scale == product.factors.end()) return nullptr;
  product.factors.erase(scale);
  return quantize;
}

class DynamicProducts {
 public:
  DynamicProducts(Graph& graph, std::vector<PassNote>& notes)
      : graph_(graph), rewriter_(graph, "dynamic_products", notes) {}

  int run() {
    for (std::size_t i = 0; i < rewriter_.size(); ++i)
      if (rewriter_.node(i).op == "Mul") rewrite(i);
    return rewriter_.count();
  }

 private:
  void rewrite(std::size_t index) {
    const Node mul = rewriter_.node(index);
    Product product;
    collect(rewriter_, mul.outputs[0], product);
    if (product.node == nullptr) return;
    const Node* x = quantized_here(rewriter_, product, 0);
    if (x == nullptr)
      return rewriter_.decline(mul, "its operand is not the output of a DynamicQuantizeLinear beside it");
    if (const Node* y = quantized_here(rewriter_, product, 1)) {
      if (!product.factors.empty() || product.node->op != "MatMulInteger")
        return rewriter_.decline(mul, "it is scaled by more than the scales of its operands");
      return rewriter_.replace(index, {"MatMul", product.node->name, {x->inputs[0], y->inputs[0]}, {}},
                               "MatMulInteger of two computed tensors became MatMul of what they were quantized from");
    }
    rewrite_weights(index, product, x->inputs[0]);
  }

  void rewrite_weights(std::size_t index, const Product& product, ValueId x) {
    const Node node = *product.node;
    const Node mul = rewriter_.node(index);
    const bool conv = node.op == "ConvInteger";
    const Tensor& weights = graph_.value(node.inputs[1]).constant;
    if (weights.empty() || (!conv && weights.shape().rank() != 2))
      return rewriter_.decline(mul, "the weights are not constant integers");
    if (node.has_input(3) && !graph_.value(node.inputs[3]).is_constant())
      return rewriter_.decline(mul, "the zero points of the weights are not constant");
    const std::int64_t outputs = conv ? weights.shape()[0] : weights.shape()[1];
    const auto scale = weight_scale(product.factors, outputs, conv);
    if (!scale) return rewriter_.decline(mul, "a factor is neither the scale of x nor a constant scale of the weights");

    const ValueId scales = rewriter_.add_constant(node.name + "_weight_scale", *scale);
    std::vector<ValueId> inputs{node.inputs[1], scales};
    if (node.has_input(3))
      inputs.push_back(rewriter_.add_constant(node.name + "_weight_zero_point",
                                              spread(graph_.value(node.inputs[3]).constant, outputs)));
    const ValueId real = rewriter_.add_value(node.name + "_weight", DataType::f32);
    Node dequantize{"DequantizeLinear",
                    node.name + "_weight_dequantize",
                    std::move(inputs),
                    {real},
                    {{"axis", std::int64_t{conv ? 0 : 1}}}};
    const Node* add = conv ? rewriter_.only_consumer(mul.outputs[0], "Add") : nullptr;
    const ValueId bias = add != nullptr ? channel_bias(*add, mul.outputs[0], outputs) : no_value;
    Node result{conv ? "FusedConv" : "FusedMatMul", node.name, {x, real}, mul.outputs, node.attributes};
    if (bias != no_value) {
      result.inputs.push_back(bias);
      result.outputs = add->outputs;
      index = rewriter_.index_of(*add);
    }
    result.attributes["activation"] = std::string("none");
    result.attributes["quantize_input"] = std::int64_t{1};
    if (!conv) result.attributes["transB"] = std::int64_t{0};
    rewriter_.expand(index, {std::move(dequantize), std::move(result)},
                     node.op + (conv ? " became FusedConv" : " became FusedMatMul") +
                         " on an input that is quantized when the model runs");
  }

  /// The other operand of the Add behind a convolution as a vector, where it is a constant along the channels.
  ValueId channel_bias(const Node& add, ValueId sum, std::int64_t outputs) {
    const Tensor& held = graph_.value(add.inputs[add.inputs[0] == sum ? 1 : 0]).constant;
    if (held.empty() || held.type() != DataType::f32 || held.shape().elements() != outputs) return no_value;
    const std::size_t rank = held.shape().rank();
    if (rank < 3 || rank > 4 || held.shape()[rank - 3] != outputs) return no_value;
    return rewriter_.add_constant(add.name + "_bias", held.reshaped(Shape{outputs}));
  }

  /// One element for each output.
  static Tensor spread(const Tensor& tensor, std::int64_t outputs) {
    if (tensor.shape().elements() == outputs) return tensor.reshaped(Shape{outputs});
    Tensor result(tensor.type(), Shape{outputs});
    std::fill_n(result.mutable_data(), result.bytes(), tensor.data()[0]);  // integers of one byte
    return result;
  }

  /// The product of the constant factors as one number per output; nothing when one is of another form.
  std::optional<Tensor> weight_scale(const std::vector<ValueId>& factors, std::int64_t outputs, bool conv) const {
    Tensor scale(DataType::f32, Shape{outputs});
    const auto to = scale.mutable_as<float>();
    std::ranges::fill(to, 1.0F);
    for (const ValueId factor : factors) {
      const Tensor& held = graph_.value(factor).constant;
      if (held.empty() || held.type() != DataType::f32) return std::nullopt;
      const std::int64_t elements = held.shape().elements();
      // Scales of a convolution lie along the channel axis: [M, 1, 1] or [1, M, 1, 1].
      const std::size_t rank = held.shape().rank();
      const bool aligned =
          conv ? rank >= 3 && held.shape()[rank - 3] == outputs : rank >= 1 && held.shape().back() == outputs;
      if (elements != 1 && (elements != outputs || !aligned)) return std::nullopt;
      for (std::size_t i = 0; i < to.size(); ++i) to[i] *= held.as<float>()[elements == 1 ? 0 : i];
    }
    return scale;
  }

  Graph& graph_;
  Rewriter rewriter_;
};

}  // namespace

int fuse_dynamic_products(Graph& graph, std::vector<PassNote>& notes) {
  return DynamicProducts(graph, notes).run();
}

}  // namespace tessera::passes
