#include <algorithm>
#include <array>
#include <string>

#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {

namespace {

std::string_view words_for(AttributeKind kind) {
  constexpr std::array<std::string_view, 6> words{"an integer",         "a float",          "a string",
                                                  "a list of integers", "a list of floats", "a tensor"};
  return words[static_cast<std::size_t>(kind)];
}

void check_attributes(const Node& node, const OpSchema& schema) {
  for (const auto& [key, attribute] : node.attributes) {
    const auto spec = std::find_if(schema.attributes.begin(), schema.attributes.end(),
                                   [&name = key](const AttributeSpec& candidate) { return candidate.name == name; });
    if (spec == schema.attributes.end()) node_error(node, "attribute " + key + " is not supported");
    // AttributeKind lists the types in the order of the Attribute variant.
    if (const auto kind = static_cast<AttributeKind>(attribute.index()); kind != spec->kind)
      node_error(node, "attribute " + key + " is " + std::string(words_for(kind)) + ", not " +
                           std::string(words_for(spec->kind)));
  }
}

void check_inputs(const Node& node, const OpSchema& schema) {
  const auto count = static_cast<int>(node.inputs.size());
  if (schema.max_inputs >= 0 && count > schema.max_inputs)
    node_error(node, "it has " + std::to_string(count) + " inputs, at most " + std::to_string(schema.max_inputs) +
                         " are supported");
  for (int i = 0; i < schema.min_inputs; ++i)
    if (!node.has_input(static_cast<std::size_t>(i)))
      node_error(node, "required input " + std::to_string(i) + " is missing");
}

}  // namespace

void check_node(const Node& node) {
  const OpSchema* schema = find_op(node.op);
  if (schema == nullptr) node_error(node, "the operator is not supported", "re-export the model without it");
  check_inputs(node, *schema);
  if (node.outputs.empty()) node_error(node, "it has no outputs");
  if (schema->outputs >= 0 && static_cast<int>(node.outputs.size()) > schema->outputs)
    node_error(node, "it has " + std::to_string(node.outputs.size()) + " outputs, at most " +
                         std::to_string(schema->outputs) + " are supported");
  check_attributes(node, *schema);
}

}  // namespace tessera
