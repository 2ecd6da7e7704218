#include "engine/layer_name.hpp"

#include <algorithm>
#include <variant>

namespace tessera {
namespace {

std::string operand(const Graph& graph, ValueId id) {
  if (id == no_value) return "-";
  const Value& value = graph.value(id);
  std::string text(name_of(value.is_constant() ? value.constant.type() : value.type));
  text += '[';
  for (const Dim& dim : value.shape.dims) text += (text.ends_with('[') ? "" : ",") + to_string(dim);
  text += ']';
  if (!value.quantization) return text;
  // Weights with zero points take sums of rows; the scales are but factors.
  const bool shifted = std::ranges::any_of(value.quantization->zero_point, [](std::int32_t zero) { return zero != 0; });
  return text + (value.is_constant() && shifted ? "*z" : "*");
}

}  // namespace

std::string layer_name(const Graph& graph, const Node& node) {
  std::string text = node.op;
  for (const ValueId id : node.inputs) text += " " + operand(graph, id);
  text += " ->";
  for (const ValueId id : node.outputs) text += " " + operand(graph, id);
  for (const auto& [name, attribute] : node.attributes) {
    text += " " + name;
    const bool is_number = std::holds_alternative<float>(attribute) || std::holds_alternative<Tensor>(attribute) ||
                           std::holds_alternative<std::vector<float>>(attribute);
    if (!is_number) text += "=" + to_string(attribute);
  }
  return text;
}

}  // namespace tessera
