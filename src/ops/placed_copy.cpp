#include "ops/placed_copy.hpp"

namespace tessera {

std::optional<PlacedCopy> placed_copy_of(const Node& node, std::span<const TensorView> inputs, const Shape& y) {
  if (node.op == "Pad") return pad_places(node, inputs, y);
  if (node.op == "Resize") return nearest_places(node, inputs, y);
  if (node.op == "Gather") return gather_places(node, inputs);
  return std::nullopt;
}

}  // namespace tessera
