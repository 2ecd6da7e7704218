// Pad, Resize by the nearest element, Gather of indices that are known and not evenly spaced -> PlacedCopyStep. Images
// are read where they lie, and results that convolutions want become images.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "ops/placed_copy.hpp"
#include "run/steps/placed_copy_step.hpp"

namespace tessera {
namespace {

/// What stands where the input has no element: input 2, or an attribute up to operator set 10.
std::array<std::byte, 8> value_of(const Node& node, std::span<const TensorView> inputs) {
  std::array<std::byte, 8> value{};
  if (node.op != "Pad") return value;
  const float number = node.attribute_or("value", 0.0F);
  if (given(inputs, 2))
    std::memcpy(value.data(), inputs[2].data, size_of(inputs[2].type));
  else if (inputs[0].type == DataType::f32)
    std::memcpy(value.data(), &number, sizeof number);
  return value;
}

/// Elements between neighbours along every axis of the dense result.
std::vector<std::int64_t> result_strides(const PlacedCopy& copy) {
  std::vector<std::int64_t> strides(copy.axes.size(), 1);
  for (std::size_t i = strides.size(); i-- > 1;)
    strides[i - 1] = strides[i] * static_cast<std::int64_t>(copy.axes[i].size());
  return strides;
}

bool types_fit(const Builder& builder, const Node& node) {
  const DataType type = builder.value(node.inputs[0]).type;
  if (builder.value(node.outputs[0]).type != type) return false;
  return node.op != "Pad" || !node.has_input(2) ||
         (builder.value(node.inputs[2]).type == type && builder.shape(node.inputs[2]).elements() == 1);
}

}  // namespace

bool lower_placed(Builder& builder, const Node& node) {
  const ValueId x = node.inputs[0], y = node.outputs[0];
  const Shape shape = builder.shape(y);
  const auto inputs = known_inputs(builder, node);
  if (!inputs || shape.rank() == 0 || shape.elements() == 0 || !types_fit(builder, node)) return false;
  auto copy = placed_copy_of(node, inputs->views, shape);
  if (!copy) return false;

  const Value& value = builder.value(y);
  const bool from_image = builder.is_image(x);
  const Source source = copied_source_of(builder, x);
  PlacedCopySpec spec;
  spec.width = static_cast<std::int64_t>(size_of(value.type));
  spec.from = source.buffer;
  spec.from_base = source.base;
  spec.value = value_of(node, inputs->views);
  std::vector<std::int64_t> to = result_strides(*copy);
  for (std::int64_t& stride : to) stride *= spec.width;
  if ((builder.wanted_as_image(y) || from_image) && shape.rank() == 4 && copy->axes.size() == 4 &&
      is_kernel_type(value.type)) {
    spec.y = builder.image_output(y);
    spec.fill = zero_byte(value);
    spec.to = spec.y.buffer;
    spec.to_base = spec.y.origin();
    const Strides strides = strides_of(spec.y);
    to.assign(strides.begin(), strides.begin() + 4);
  } else {
    spec.to = builder.plain_output(y);
  }
  for (std::size_t axis = 0; axis < copy->axes.size(); ++axis) {
    for (std::int64_t& place : copy->axes[axis])
      place = place == PlacedCopy::outside ? PlacedCopySpec::outside : place * source.strides[axis];
    spec.axes.push_back({std::move(copy->axes[axis]), to[axis]});
  }
  const BufferId target = spec.to;
  auto step = std::make_unique<PlacedCopyStep>(std::move(spec));
  const std::string type(name_of(value.type));
  step->info = {node.name, node.op, "copy", "-", type + "->" + type, "", 0, 0};
  builder.emit(std::move(step), {source.buffer}, {target});
  return true;
}

}  // namespace tessera
