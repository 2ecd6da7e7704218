#include "ops/strided_copy.hpp"

namespace tessera {

std::optional<StridedCopy> strided_copy_of(const Node& node, std::span<const TensorView> inputs,
                                           std::span<const Shape> outputs, std::size_t index, const Strides& from) {
  if (node.op == "Transpose") return transpose_copy(node, outputs[0], from);
  if (node.op == "Slice") return slice_copy(node, inputs, outputs[0], from);
  if (node.op == "Gather") return gather_copy(node, inputs, outputs[0], from);
  if (node.op == "Split") return split_copy(node, outputs, index, from);
  if (node.op == "Expand") return expand_copy(inputs[0].shape, outputs[0], from);
  if (node.op == "Tile") return tile_copy(inputs[0].shape, outputs[0], from);
  if (node.op == "DepthToSpace") return depth_to_space_copy(node, inputs[0].shape, from);
  if (node.op == "SpaceToDepth") return space_to_depth_copy(node, inputs[0].shape, from);
  return std::nullopt;
}

void evaluate_strided_copy(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const auto copy = strided_copy_of(node, inputs, {&outputs[0].shape, 1}, 0, dense_strides(inputs[0].shape));
  with_element_width(inputs[0].type, [&]<typename T>(T) {
    const T* source = inputs[0].as<T>().data() + copy->base;
    T* target = outputs[0].as<T>().data();
    for_each_element<1>(copy->shape, {copy->strides},
                        [=](std::int64_t i, const auto& at) { target[i] = source[at[0]]; });
  });
}

}  // namespace tessera
