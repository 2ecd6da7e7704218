// Moves integers into the ops of a graph with QuantizeLinear/DequantizeLinear nodes:
//   - an op that hands elements on (MaxPool, Reshape, Concat ...) between DequantizeLinear and a QuantizeLinear of the
//     same scale works on u8. It reads and writes codes whatever they stand for: both ends have one quantization, which
//     is noted where no other is known, and which no kernel of such an op asks for;
//   - FusedConv and FusedMatMul behind DequantizeLinear read u8 X, s8 W and u8 R themselves; an s32 bias becomes f32;
//   - FusedMatMul and FusedConv with quantize_input read s8 W and quantize float X when they run;
//   - GlobalAveragePool and AveragePool behind DequantizeLinear read u8 X themselves;
//   - FusedGate behind DequantizeLinear reads its u8 image itself;
//   - all of these, FusedAttention, LayerNormalization and products in float write u8 themselves where only a
//   QuantizeLinear reads them.
//
// The scales move to Value::quantization. Activations must be u8 per tensor, weights s8, per tensor or per output
// channel. What does not fit stays as it is: QuantizeLinear and DequantizeLinear are ops like any other.
// Only the DequantizeLinear of a constant that nobody took in is computed here and now.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ops/op.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/quantization.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

/// An integer value and what it stands for.
struct Integers {
  ValueId value = no_value;
  Quantization quantization;
};

class QdqFolder {
 public:
  QdqFolder(Graph& graph, std::vector<PassNote>& notes) : graph_(graph), rewriter_(graph, "fold_qdq", notes) {}

  int run() {
    for (std::size_t i = 0; i < rewriter_.size(); ++i) {
      if (rewriter_.node(i).op == "QuantizeLinear") move_integers_through(i);
    }
    for (std::size_t i = 0; i < rewriter_.size(); ++i) {
      const std::string op = rewriter_.node(i).op;  // a copy: what follows may sweep the node
      if (op == "FusedConv" || op == "FusedMatMul") fold_product(i);
      if (op == "GlobalAveragePool" || op == "AveragePool") fold_average(i);
      if (op == "FusedGate") fold_gate(i);
      if (op == "FusedAttention" || op == "LayerNormalization" || op == "RMSNormalization") absorb_quantize(i);
    }
    for (std::size_t i = 0; i < rewriter_.size(); ++i) {
      if (rewriter_.node(i).op == "DequantizeLinear") compute_constant(i);
    }
    carry_marks();
    return rewriter_.count();
  }

 private:
  /// Whether the output holds elements of input 0 and nothing else; all other inputs say where.
  bool only_moves(const Node& node) const {
    const OpSchema* schema = find_op(node.op);
    if (schema == nullptr || schema->codes != Codes::passes || node.outputs.size() != 1) return false;
    return std::none_of(node.inputs.begin() + 1, node.inputs.end(), [&](ValueId id) {
      return id != no_value && graph_.value(id).type == graph_.value(node.inputs[0]).type;
    });
  }

  /// Scales that the kernels can divide by without turning the order of the numbers around.
  static bool is_usual(const Quantization& quantization) {
    return std::ranges::all_of(quantization.scale, [](float s) { return s > 0 && std::isfinite(s); });
  }

  /// What stands behind a DequantizeLinear with constant parameters.
  std::optional<Integers> dequantized(ValueId value) const {
    const Node* dequantize = rewriter_.producer(value, "DequantizeLinear");
    if (dequantize == nullptr) return std::nullopt;
    auto quantization = quantization_of(graph_, *dequantize);
    if (!quantization) return std::nullopt;
    const auto& known = graph_.value(dequantize->inputs[0]).quantization;
    if (known && !(*known == *quantization)) return std::nullopt;
    return Integers{dequantize->inputs[0], std::move(*quantization)};
  }

  /// The same for an activation the kernels can read: u8, one scale.
  std::optional<Integers> activation(ValueId value) const {
    auto integers = dequantized(value);
    if (!integers || !integers->quantization.per_tensor()) return std::nullopt;
    if (!is_usual(integers->quantization)) return std::nullopt;
    const Value& held = graph_.value(integers->value);
    return held.type == DataType::u8 && !held.is_constant() ? integers : std::nullopt;
  }

  void move_integers_through(std::size_t index) {
    const Node& quantize = rewriter_.node(index);
    const int made_by = rewriter_.uses().producer(quantize.inputs[0]);
    if (made_by < 0) return;
    const Node& mover = rewriter_.node(static_cast<std::size_t>(made_by));
    if (mover.op == "Concat") return join_integers(index, mover);
    if (!only_moves(mover)) return;
    const auto before = activation(mover.inputs[0]);
    if (!before) return;
    if (quantization_of(graph_, quantize) != before->quantization) {
      return rewriter_.decline(quantize, mover.name + " stands between two different scales");
    }
    if (!rewriter_.may_vanish(quantize, quantize.inputs[0])) return;
    std::vector<ValueId> inputs = mover.inputs;
    inputs[0] = before->value;
    mark_where_unknown(before->value, before->quantization);
    mark_where_unknown(quantize.outputs[0], before->quantization);
    rewriter_.replace(index, {mover.op, mover.name, inputs, mover.attributes}, mover.op + " works on integers");
  }

  /// Parts that stand for reals in one way are joined as they are.
  void join_integers(std::size_t index, const Node& join) {
    const Node& quantize = rewriter_.node(index);
    const auto wanted = quantization_of(graph_, quantize);
    std::vector<Integers> parts;
    parts.reserve(join.inputs.size());
    for (const ValueId id : join.inputs) {
      auto part = activation(id);
      if (!part) return;
      if (wanted != part->quantization)
        return rewriter_.decline(quantize, join.name + " joins values of different scales");
      parts.push_back(std::move(*part));
    }
    if (!rewriter_.may_vanish(quantize, quantize.inputs[0])) return;
    std::vector<ValueId> inputs;
    inputs.reserve(parts.size());
    for (const Integers& part : parts) {
      inputs.push_back(part.value);
      mark_where_unknown(part.value, part.quantization);
    }
    mark_where_unknown(quantize.outputs[0], *wanted);
    rewriter_.replace(index, {join.op, join.name, inputs, join.attributes}, "Concat works on integers");
  }

  /// Why the inputs of a product cannot be integers; empty when they can.
  std::string reason_against(const Node& node, const std::optional<Integers>& x,
                             const std::optional<Integers>& w) const {
    if (!x) return "X is not u8 with one constant scale";
    return reason_against_weights(node, w);
  }

  std::string reason_against_weights(const Node& node, const std::optional<Integers>& w) const {
    if (!w) return "W does not come from integers with constant scales";
    const Value& weight = graph_.value(w->value);
    if (!weight.is_constant() || weight.type != DataType::s8) return "the weights are not s8 constants";
    const bool by_row = node.op == "FusedConv" || node.attribute_or("transB", std::int64_t{0}) != 0;
    const int axis = by_row ? 0 : 1;
    if (!w->quantization.per_tensor() && w->quantization.axis != axis) return "the weight scales are not per output";
    return {};
  }

  void fold_product(std::size_t index) {
    const Node& node = rewriter_.node(index);
    const auto x = activation(node.inputs[0]);
    const auto w = dequantized(node.inputs[1]);
    if (!x && !w) return absorb_quantize(index);  // a float layer
    if (!x && quantizes_x(node)) return fold_weights(index, *w);
    if (const std::string why = reason_against(node, x, w); !why.empty()) return rewriter_.decline(node, why);

    std::vector<ValueId> inputs = node.inputs;
    inputs[0] = x->value;
    inputs[1] = w->value;
    if (node.has_input(2) && !graph_.value(node.inputs[2]).is_constant()) {
      const auto bias = dequantized(node.inputs[2]);
      if (!bias || graph_.value(bias->value).constant.type() != DataType::s32) {
        return rewriter_.decline(node, "the bias is neither a constant nor the DequantizeLinear of an s32 constant");
      }
      inputs[2] = rewriter_.add_constant(node.name + "_bias", real(*bias));
    }
    mark(*x);
    mark(*w);
    if (node.has_input(3)) {
      if (const auto residual = activation(node.inputs[3])) {
        inputs[3] = residual->value;
        mark(*residual);
      }
    }
    rewriter_.replace(index, {node.op, node.name, inputs, node.attributes}, "reads integers");
    absorb_quantize(index);
  }

  static bool quantizes_x(const Node& node) { return node.attribute_or("quantize_input", std::int64_t{0}) != 0; }

  /// X stays float and becomes integers when the model runs.
  void fold_weights(std::size_t index, const Integers& w) {
    const Node& node = rewriter_.node(index);
    if (const std::string why = reason_against_weights(node, w); !why.empty()) return rewriter_.decline(node, why);
    std::vector<ValueId> inputs = node.inputs;
    inputs[1] = w.value;
    mark(w);
    rewriter_.replace(index, {node.op, node.name, inputs, node.attributes}, "multiplies by integers");
  }

  void fold_average(std::size_t index) {
    const Node& node = rewriter_.node(index);
    if (const auto x = activation(node.inputs[0])) {
      mark(*x);
      rewriter_.replace(index, {node.op, node.name, {x->value}, node.attributes}, "reads integers");
    }
    absorb_quantize(index);
  }

  void fold_gate(std::size_t index) {
    const Node& node = rewriter_.node(index);
    if (const auto x = activation(node.inputs[0])) {
      mark(*x);
      rewriter_.replace(index, {node.op, node.name, {x->value, node.inputs[1]}, node.attributes}, "reads integers");
    }
    absorb_quantize(index);
  }

  /// A weight whose layer stayed in float: better dequantized once than in every inference.
  void compute_constant(std::size_t index) {
    const Node& node = rewriter_.node(index);
    std::vector<Tensor> inputs;
    for (const ValueId id : node.inputs) {
      if (id == no_value || !graph_.value(id).is_constant()) return;
      inputs.push_back(graph_.value(id).constant);
    }
    if (rewriter_.uses().is_output(node.outputs[0])) return;
    rewriter_.fold(index, evaluate_node(graph_, node, inputs).front(), "no integer kernel takes these integers");
  }

  void absorb_quantize(std::size_t index) {
    const Node& node = rewriter_.node(index);
    if (node.outputs.empty()) return;  // a rewrite before this one swept it: nobody reads what it makes
    const Node* quantize = rewriter_.only_consumer(node.outputs[0], "QuantizeLinear");
    if (quantize == nullptr || quantize->inputs[0] != node.outputs[0]) return;
    if (rewriter_.uses().is_output(quantize->outputs[0]))
      return rewriter_.decline(*quantize, "its integers are a graph output");
    const auto quantization = quantization_of(graph_, *quantize);
    const Value& target = graph_.value(quantize->outputs[0]);
    if (!quantization || !quantization->per_tensor() || !is_usual(*quantization) || target.type != DataType::u8) {
      return rewriter_.decline(*quantize, "the output is not u8 with one constant scale");
    }
    if (target.quantization && *target.quantization != *quantization)
      return rewriter_.decline(*quantize, "its integers are read by another scale");
    mark({quantize->outputs[0], *quantization});
    rewriter_.replace(rewriter_.index_of(*quantize), {node.op, node.name, node.inputs, node.attributes},
                      "writes integers");
  }

  void mark_where_unknown(ValueId id, const Quantization& quantization) {
    std::optional<Quantization>& known = graph_.value(id).quantization;
    if (!known) known = quantization;
  }

  /// Notes the quantization of one end of an op that passes codes on at the other end, from the first node to the last
  /// and back. Where both ends are known to differ, a reader of the file takes the same codes for other numbers.
  void carry_marks() {
    const auto carry = [&](const Node& node) {
      const OpSchema* schema = find_op(node.op);
      if (schema == nullptr || schema->codes != Codes::passes) return;
      for (const ValueId in : node.inputs) {
        if (in == no_value || graph_.value(in).type != DataType::u8 || graph_.value(in).is_constant()) continue;
        for (const ValueId out : node.outputs) {
          const std::optional<Quantization> from = graph_.value(in).quantization;
          const std::optional<Quantization> to = graph_.value(out).quantization;
          if (from) mark_where_unknown(out, *from);
          if (to) mark_where_unknown(in, *to);
        }
      }
    };
    for (const Node& node : graph_.nodes) carry(node);
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) carry(*node);
  }

  void mark(const Integers& integers) { graph_.value(integers.value).quantization = integers.quantization; }

  /// The reals of a constant: a bias of s32 times the scales of X and W.
  Tensor real(const Integers& integers) const {
    const Tensor& held = graph_.value(integers.value).constant;
    Tensor tensor(DataType::f32, held.shape());
    const auto to = tensor.mutable_as<float>();
    const auto from = held.as<std::int32_t>();
    const bool one = integers.quantization.per_tensor();
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::size_t channel = one ? 0 : i;
      const auto centred = static_cast<std::int64_t>(from[i]) - integers.quantization.zero_point[channel];
      to[i] = static_cast<float>(centred) * integers.quantization.scale[channel];
    }
    return tensor;
  }

  Graph& graph_;
  Rewriter rewriter_;
};

}  // namespace

int fold_qdq(Graph& graph, std::vector<PassNote>& notes) {
  return QdqFolder(graph, notes).run();
}

}  // namespace tessera::passes
