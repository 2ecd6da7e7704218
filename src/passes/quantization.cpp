#include "passes/quantization.hpp"

#include <algorithm>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

/// The elements of a constant u8, s8 or s32 tensor.
std::optional<std::vector<std::int32_t>> zero_points(const Tensor& tensor) {
  const auto copy = [](const auto elements) { return std::vector<std::int32_t>(elements.begin(), elements.end()); };
  if (tensor.empty()) return std::nullopt;
  if (tensor.type() == DataType::u8) return copy(tensor.as<std::uint8_t>());
  if (tensor.type() == DataType::s8) return copy(tensor.as<std::int8_t>());
  if (tensor.type() == DataType::s32) return copy(tensor.as<std::int32_t>());
  return std::nullopt;
}

}  // namespace

std::optional<Quantization> quantization_of(const Graph& graph, const Node& node) {
  const Tensor& scale = graph.value(node.inputs[1]).constant;
  if (scale.empty() || scale.type() != DataType::f32 || scale.shape().rank() > 1) return std::nullopt;
  Quantization found;
  found.scale.assign(scale.as<float>().begin(), scale.as<float>().end());
  found.zero_point.assign(found.scale.size(), 0);
  if (node.has_input(2)) {
    const auto zero = zero_points(graph.value(node.inputs[2]).constant);
    if (!zero || zero->size() != found.scale.size()) return std::nullopt;
    found.zero_point = *zero;
  }
  if (found.scale.size() == 1) return found;
  std::int64_t axis = node.attribute_or("axis", std::int64_t{1});
  const SymbolicShape& shape = graph.value(node.inputs[0]).shape;
  if (axis < 0) {
    if (!shape.ranked) return std::nullopt;
    axis += static_cast<std::int64_t>(shape.rank());
  }
  found.axis = static_cast<int>(axis);
  return found;
}

bool is_symmetric(const Quantization& quantization) {
  return std::ranges::all_of(quantization.zero_point, [](std::int32_t zero) { return zero == 0; });
}

}  // namespace tessera::passes
