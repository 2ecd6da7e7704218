// Transpose, Slice, Split, Gather, Expand, Tile, DepthToSpace, SpaceToDepth: elements are copied, whatever they stand
// for. Images are read where they lie, and results that convolutions want become images. What is an image already, or
// may be taken for one, is not copied at all.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compile/lower/lower.hpp"
#include "ops/strided_copy.hpp"
#include "run/steps/strided_copy_step.hpp"

namespace tessera {
namespace {

using Permutation = std::vector<std::int64_t>;

bool is_permuted(const Node& node, const Permutation& wanted) {
  const auto* perm = node.find_attribute<Permutation>("perm");
  return node.op == "Transpose" && perm != nullptr && *perm == wanted;
}

bool has_image_type(const Value& value) {
  return value.type == DataType::f32 || value.type == DataType::bf16 || value.type == DataType::u8;
}

/// Bytes between neighbours along N, C, H and W.
Strides strides_of(const Image& image) {
  return {image.image_stride(), static_cast<std::int64_t>(size_of(image.type)), image.row_stride(),
          image.pixel_stride()};
}

Strides in_bytes(Strides strides, std::int64_t width) {
  for (std::int64_t& stride : strides) stride *= width;
  return strides;
}

/// The numbers of a list such as the starts of a slice: constant, or known by now.
std::optional<Tensor> numbers_of(const Builder& builder, ValueId id) {
  const Value& value = builder.value(id);
  if (value.is_constant()) return value.constant;
  const auto numbers = integers_of(builder.graph(), id);
  if (!numbers) return std::nullopt;
  return Tensor::from<std::int64_t>(Shape{static_cast<std::int64_t>(numbers->size())}, *numbers);
}

/// All inputs as strided_copy_of reads them; the first without its elements. Nothing where a list is not known.
struct Inputs {
  std::vector<Tensor> held;
  std::vector<TensorView> views;
};
std::optional<Inputs> inputs_of(const Builder& builder, const Node& node) {
  Inputs inputs{{}, {{builder.value(node.inputs[0]).type, builder.shape(node.inputs[0]), nullptr}}};
  inputs.held.reserve(node.inputs.size());  // views point into it
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    inputs.views.emplace_back();
    if (!node.has_input(i)) continue;
    auto numbers = numbers_of(builder, node.inputs[i]);
    if (!numbers) return std::nullopt;
    inputs.held.push_back(*std::move(numbers));
    Tensor& tensor = inputs.held.back();
    inputs.views.back() = {tensor.type(), tensor.shape(), const_cast<std::byte*>(tensor.data())};
  }
  return inputs;
}

/// Where the elements of input 0 lie.
struct Source {
  BufferId buffer = no_buffer;
  std::int64_t base = 0;
  Strides strides{};  ///< in bytes
};
Source source_of(Builder& builder, ValueId id, std::int64_t width) {
  if (builder.is_image(id)) {
    const Image image = builder.image_input(id);
    return {image.buffer, image.origin(), strides_of(image)};
  }
  return {builder.plain_input(id), 0, in_bytes(dense_strides(builder.shape(id)), width)};
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
  const auto inputs = inputs_of(builder, node);
  if (!inputs) return false;
  std::vector<Shape> shapes;
  for (const ValueId y : node.outputs) {
    if (builder.value(y).type != from.type) return false;
    shapes.push_back(builder.shape(y));
  }
  if (!strided_copy_of(node, inputs->views, shapes, 0, {})) return false;  // before anything is emitted
  const bool from_image = builder.is_image(x);
  const Source source = source_of(builder, x, static_cast<std::int64_t>(size_of(from.type)));
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId y = node.outputs[i];
    const auto copy = strided_copy_of(node, inputs->views, shapes, i, source.strides);
    const bool wanted = builder.wanted_as_image(y) || (from_image && node.op != "Transpose");
    const bool as_image = wanted && shapes[i].rank() == 4 && copy->shape == shapes[i] && has_image_type(from);
    emit_copy(builder, node, source, *copy, y, as_image);
  }
  return true;
}

}  // namespace tessera
