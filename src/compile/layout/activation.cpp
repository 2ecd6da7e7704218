#include "compile/layout/activation.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "ops/fused_activation.hpp"

namespace tessera {
namespace {

constexpr std::array<std::pair<std::string_view, Activation>, 10> words = {{{"none", Activation::none},
                                                                            {"relu", Activation::relu},
                                                                            {"gelu", Activation::gelu},
                                                                            {"tanh", Activation::tanh},
                                                                            {"clip", Activation::clip},
                                                                            {"sigmoid", Activation::sigmoid},
                                                                            {"hard_sigmoid", Activation::hard_sigmoid},
                                                                            {"swish", Activation::swish},
                                                                            {"hard_swish", Activation::hard_swish},
                                                                            {"gelu_tanh", Activation::gelu_tanh}}};

}  // namespace

ActivationCall fused_activation(const Node& node) {
  const auto word = node.attribute_or<std::string>("activation", "none");
  for (const auto& [name, activation] : words)
    if (name == word)
      return {activation, {node.attribute_or("activation_first", 0.0F), node.attribute_or("activation_second", 0.0F)}};
  reject("node " + node.name + " (" + node.op + ")", "unknown activation " + word);
}

std::optional<ActivationCall> activation_of_node(const Graph& graph, const Node& node) {
  auto attributes = fused_form(graph, node);
  if (!attributes) return std::nullopt;
  return fused_activation({node.op, node.name, {}, {}, std::move(*attributes)});
}

bool is_cut_by_u8(const ActivationCall& call, const Requantize& c) {
  const auto steps = [&](float bound) { return static_cast<double>(bound) / static_cast<double>(c.scale); };
  switch (call.activation) {
    case Activation::none: return true;
    case Activation::relu: return c.zero_point == 0;
    case Activation::clip:
      // A bound within less than half a step of the end rounds to that end.
      return steps(call.parameters.first) < 0.4 - c.zero_point && steps(call.parameters.second) > 254.6 - c.zero_point;
    default: return false;
  }
}

}  // namespace tessera
