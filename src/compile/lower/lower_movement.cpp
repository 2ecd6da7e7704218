// Transpose, Slice, Split, Gather, Expand, Tile, DepthToSpace, SpaceToDepth: elements are copied, whatever they stand
// for. Images are read where they lie, and results that convolutions want become images. What is an image already, or
// may be taken for one, is not copied at all.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "ops/strided_copy.hpp"
#include "run/steps/strided_copy_step.hpp"

namespace tessera {
namespace {

using Permutation = std::vector<std::int64_t>;

bool is_permuted(const Node& node, const Permutation& wanted) {
  const auto* perm = node.find_attribute<Permutation>("perm");
  return node.op == "Transpose" && perm != nullptr && *perm == wanted;
}

void emit_copy(Builder& builder, const Node& node, const Source& source, const StridedCopy& copy, ValueId y,
               bool as_image) {
  const Value& value = builder.value(y);
  StridedCopySpec spec;
  spec.width = static_cast<std::int64_t>(size_of(value.type));
  spec.from = source.buffer;
  spec.from_base = source.base + copy.base;
  Strides to = in_bytes(dense_strides(copy.shape), spec.width);
  if (as_image) {
    spec.y = builder.image_output(y);
    spec.fill = zero_byte(value);
    spec.to = spec.y.buffer;
    spec.to_base = spec.y.origin();
    to = strides_of(spec.y);
  } else {
    spec.to = builder.plain_output(y);
  }
  for (std::size_t axis = 0; axis < copy.shape.rank(); ++axis)
    spec.axes.push_back({copy.shape[axis], copy.strides[axis], to[axis]});
  const BufferId target = spec.to;
  auto step = std::make_unique<StridedCopyStep>(std::move(spec));
  const std::string type(name_of(value.type));
  step->info = {node.name, node.op, "copy", "-", type + "->" + type, "", 0, 0};
  builder.emit(std::move(step), {source.buffer}, {target});
}

}  // namespace

bool lower_movement(Builder& builder, const Node& node) {
  const ValueId x = node.inputs[0];
  const Value& from = builder.value(x);
  if (is_permuted(node, {0, 2, 3, 1}) && builder.alias_pixels(x, node.outputs[0])) return true;
  if (is_permuted(node, {0, 3, 1, 2}) && builder.alias_as_image(x, node.outputs[0])) return true;
  const auto inputs = known_inputs(builder, node);
  if (!inputs) return false;
  std::vector<Shape> shapes;
  for (const ValueId y : node.outputs) {
    if (builder.value(y).type != from.type) return false;
    shapes.push_back(builder.shape(y));
  }
  if (!strided_copy_of(node, inputs->views, shapes, 0, {})) return false;  // before anything is emitted
  const bool from_image = builder.is_image(x);
  const Source source = copied_source_of(builder, x);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId y = node.outputs[i];
    const auto copy = strided_copy_of(node, inputs->views, shapes, i, source.strides);
    const bool wanted = builder.wanted_as_image(y) || (from_image && node.op != "Transpose");
    const bool as_image = wanted && shapes[i].rank() == 4 && copy->shape == shapes[i] && is_kernel_type(from.type);
    emit_copy(builder, node, source, *copy, y, as_image);
  }
  return true;
}

}  // namespace tessera
