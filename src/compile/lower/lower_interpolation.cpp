// Resize by linear or cubic interpolation -> InterpolateStep.
#include <memory>
#include <utility>

#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "ops/interpolation.hpp"
#include "run/steps/interpolate_step.hpp"

namespace tessera {
namespace {

/// The axes of the step; bytes between neighbours as the source and the result have them.
std::vector<InterpolateSpec::Axis> axes_between(const Interpolation& interpolation, const Shape& shape,
                                                const Strides& from, const Strides& to) {
  std::vector<InterpolateSpec::Axis> axes;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    InterpolateSpec::Axis axis{shape[i], from[i], to[i], interpolation.axes[i].elements, interpolation.axes[i].weights};
    for (std::int64_t& element : axis.elements) element *= from[i];
    axes.push_back(std::move(axis));
  }
  return axes;
}

}  // namespace

bool lower_interpolation(Builder& builder, const Node& node) {
  const ValueId x = node.inputs[0], y = node.outputs[0];
  const Shape shape = builder.shape(y);
  const auto inputs = known_inputs(builder, node);
  if (!inputs || shape.elements() == 0 || builder.value(x).type != DataType::f32 ||
      builder.value(y).type != DataType::f32)
    return false;
  const auto interpolation = interpolation_of(node, inputs->views, shape);
  if (!interpolation) return false;
  const Strides dense = in_bytes(dense_strides(shape), sizeof(float));
  InterpolateSpec spec;
  spec.taps = interpolation->taps;
  spec.axes = axes_between(*interpolation, shape, in_bytes(dense_strides(builder.shape(x)), sizeof(float)), dense);
  // Asked about dense arrays, before anything is emitted; images have to have channels that stay.
  const bool channels_stay = shape.rank() == 4 && interpolation->axes[1].elements.empty();
  const bool as_image = channels_stay && (builder.wanted_as_image(y) || builder.is_image(x));
  if (!as_image && !InterpolateStep::fits(spec)) return false;

  Source source{no_buffer, 0, {}};
  if (as_image) {
    source = source_of(builder, x);
    spec.y = builder.image_output(y);
    spec.to = spec.y.buffer;
    spec.to_base = spec.y.origin();
  } else {
    source = {builder.plain_input(x), 0, in_bytes(dense_strides(builder.shape(x)), sizeof(float))};
    spec.to = builder.plain_output(y);
  }
  spec.from = source.buffer;
  spec.from_base = source.base;
  spec.axes = axes_between(*interpolation, shape, source.strides, as_image ? strides_of(spec.y) : dense);
  const BufferId from = spec.from, target = spec.to;
  auto step = std::make_unique<InterpolateStep>(std::move(spec));
  step->info = {node.name, node.op, "interpolate", "-", "f32->f32", "", 0, 0};
  builder.emit(std::move(step), {from}, {target});
  return true;
}

}  // namespace tessera
