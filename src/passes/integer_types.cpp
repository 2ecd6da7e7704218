// Gives integers the types that the kernels multiply, u8 activations and symmetric s8 weights, where that changes no
// number:
//   - s8 activations become u8: both the integers and their zero point move up by 128. QuantizeLinear writes them so,
//     what only moves or compares them does not care, DequantizeLinear reads them so;
//   - integer constants lose their zero point where every difference to it fits s8; other u8 constants become s8, both
//     the integers and their zero points 128 lower.
// An s8 value that the graph takes in or gives out, or that any other op reads, stays as it is.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/quantization.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

constexpr int shift = 128;

/// Ops whose output holds elements of its first input, and nothing else, in the order of the numbers.
bool keeps_elements(const std::string& op) {
  return op == "MaxPool" || op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze" ||
         op == "Transpose" || op == "Identity" || op == "Slice" || op == "Gather" || op == "Expand";
}

bool converts(const Node& node) {
  return node.op == "QuantizeLinear" || node.op == "DequantizeLinear";
}

class IntegerTypes {
 public:
  IntegerTypes(Graph& graph, std::vector<PassNote>& notes)
      : graph_(graph), rewriter_(graph, "integer_types", notes), moves_(graph.values.size()) {}

  int run() {
    choose_activations();
    for (std::size_t i = 0; i < rewriter_.size(); ++i) move_activation(i);
    for (std::size_t i = 0; i < rewriter_.size(); ++i)
      if (rewriter_.node(i).op == "DequantizeLinear") centre_constant(i);
    return rewriter_.count();
  }

 private:
  bool moves(ValueId id) const { return moves_[static_cast<std::size_t>(id)]; }

  bool has_constant_zero_point(const Node& node) const {
    return !node.has_input(2) || graph_.value(node.inputs[2]).is_constant();
  }

  /// Starts from all s8 values and drops those with a neighbour that would notice, until all that are left agree.
  void choose_activations() {
    for (std::size_t id = 0; id < graph_.values.size(); ++id)
      moves_[id] = graph_.values[id].type == DataType::s8 && rewriter_.uses().producer(static_cast<ValueId>(id)) >= 0 &&
                   !rewriter_.uses().is_output(static_cast<ValueId>(id));
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t id = 0; id < graph_.values.size(); ++id) {
        if (!moves_[id] || neighbours_agree(static_cast<ValueId>(id))) continue;
        moves_[id] = false;
        changed = true;
      }
    }
  }

  bool neighbours_agree(ValueId id) const {
    const Node& source = rewriter_.node(static_cast<std::size_t>(rewriter_.uses().producer(id)));
    const bool written = source.op == "QuantizeLinear" ? has_constant_zero_point(source)
                                                       : keeps_elements(source.op) && moves(source.inputs[0]);
    return written && std::ranges::all_of(rewriter_.uses().consumers(id), [&](int index) {
             const Node& reader = rewriter_.node(static_cast<std::size_t>(index));
             if (std::count(reader.inputs.begin(), reader.inputs.end(), id) != 1 || reader.inputs[0] != id)
               return false;
             if (reader.op == "DequantizeLinear") return has_constant_zero_point(reader);
             return keeps_elements(reader.op) && moves(reader.outputs[0]);
           });
  }

  void move_activation(std::size_t index) {
    const Node node = rewriter_.node(index);
    if (!converts(node)) return;
    const bool quantizes = node.op == "QuantizeLinear";
    const ValueId integers = quantizes ? node.outputs[0] : node.inputs[0];
    if (!moves(integers)) return;
    const Shape shape = graph_.value(node.inputs[1]).shape.to_shape();
    Tensor zero_point(DataType::u8, shape);
    for (std::uint8_t& zero : zero_point.mutable_as<std::uint8_t>()) zero = shift;
    if (node.has_input(2)) {
      const auto from = graph_.value(node.inputs[2]).constant.as<std::int8_t>();
      std::ranges::transform(from, zero_point.mutable_as<std::uint8_t>().begin(),
                             [](std::int8_t zero) { return static_cast<std::uint8_t>(zero + shift); });
    }
    Attributes attributes = node.attributes;
    attributes.erase("output_dtype");
    const ValueId constant = rewriter_.add_constant(node.name + "_u8_zero_point", std::move(zero_point));
    rewriter_.replace(index, {node.op, node.name, {node.inputs[0], node.inputs[1], constant}, std::move(attributes)},
                      quantizes ? "writes u8 instead of s8" : "reads u8 instead of s8");
  }

  /// Every element minus its zero point, or nothing where one does not fit s8.
  std::optional<Tensor> centred(const Tensor& tensor, const Quantization& quantization) const {
    Tensor result(DataType::s8, tensor.shape());
    const auto to = result.mutable_as<std::int8_t>();
    const std::size_t axis = quantization.per_tensor() ? 0 : static_cast<std::size_t>(quantization.axis);
    const std::int64_t inner = quantization.per_tensor() ? 1 : tensor.shape().product(axis + 1, tensor.shape().rank());
    const auto channels = static_cast<std::int64_t>(quantization.scale.size());
    for (std::size_t i = 0; i < to.size(); ++i) {
      const auto channel = static_cast<std::size_t>(static_cast<std::int64_t>(i) / inner % channels);
      const int element =
          tensor.type() == DataType::u8 ? int{tensor.as<std::uint8_t>()[i]} : int{tensor.as<std::int8_t>()[i]};
      const int difference = element - quantization.zero_point[channel];
      if (difference < std::numeric_limits<std::int8_t>::min() || difference > std::numeric_limits<std::int8_t>::max())
        return std::nullopt;
      to[i] = static_cast<std::int8_t>(difference);
    }
    return result;
  }

  void centre_constant(std::size_t index) {
    const Node& node = rewriter_.node(index);
    const Tensor& tensor = graph_.value(node.inputs[0]).constant;
    if (tensor.empty() || (tensor.type() != DataType::u8 && tensor.type() != DataType::s8)) return;
    const auto quantization = quantization_of(graph_, node);
    if (!quantization || (tensor.type() == DataType::s8 && is_symmetric(*quantization))) return;
    auto values = centred(tensor, *quantization);
    if (!values && tensor.type() == DataType::u8) return lower_constant(index, lowered(tensor), *quantization);
    if (!values) return rewriter_.decline(node, "the distance of an element to its zero point does not fit s8");
    const std::vector<ValueId> inputs{rewriter_.add_constant(node.name + "_centred", std::move(*values)),
                                      node.inputs[1]};
    rewriter_.replace(index, {node.op, node.name, inputs, node.attributes}, "reads s8 without a zero point");
  }

  static Tensor lowered(const Tensor& tensor) {
    Tensor result(DataType::s8, tensor.shape());
    std::ranges::transform(tensor.as<std::uint8_t>(), result.mutable_as<std::int8_t>().begin(),
                           [](std::uint8_t element) { return static_cast<std::int8_t>(element - shift); });
    return result;
  }

  void lower_constant(std::size_t index, Tensor values, const Quantization& quantization) {
    const Node& node = rewriter_.node(index);
    Tensor zero_point(DataType::s8, graph_.value(node.inputs[1]).shape.to_shape());
    std::ranges::transform(quantization.zero_point, zero_point.mutable_as<std::int8_t>().begin(),
                           [](std::int32_t zero) { return static_cast<std::int8_t>(zero - shift); });
    const ValueId integers = rewriter_.add_constant(node.name + "_s8", std::move(values));
    const ValueId zero = rewriter_.add_constant(node.name + "_s8_zero_point", std::move(zero_point));
    rewriter_.replace(index, {node.op, node.name, {integers, node.inputs[1], zero}, node.attributes},
                      "reads s8 under another zero point");
  }

  Graph& graph_;
  Rewriter rewriter_;
  std::vector<bool> moves_;  ///< per value: s8 that becomes u8
};

}  // namespace

int make_integers_fit(Graph& graph, std::vector<PassNote>& notes) {
  return IntegerTypes(graph, notes).run();
}

}  // namespace tessera::passes
