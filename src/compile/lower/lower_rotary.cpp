// FusedRotary -> RotaryStep.
#include <memory>
#include <string>

#include "compile/lower/lower.hpp"
#include "ops/rotary.hpp"
#include "run/steps/rotary_step.hpp"

namespace tessera {

bool lower_rotary(Builder& builder, const Node& node) {
  for (const ValueId id : {node.inputs[0], node.inputs[1], node.inputs[2], node.outputs[0]})
    if (builder.value(id).type != DataType::f32) return false;
  const RotaryLayout layout = rotary_layout(node, builder.shape(node.inputs[0]));
  RotarySpec spec;
  spec.batch = layout.batch;
  spec.heads = layout.heads;
  spec.length = layout.length;
  spec.half = layout.depth / 2;
  spec.batch_stride = layout.batch_stride;
  spec.head_stride = layout.head_stride;
  spec.token_stride = layout.position_stride;
  const std::int64_t row = layout.length * layout.depth;
  spec.cosines_batch = builder.shape(node.inputs[1])[0] == 1 ? 0 : row;
  spec.sines_batch = builder.shape(node.inputs[2])[0] == 1 ? 0 : row;
  spec.x = builder.plain_input(node.inputs[0]);
  spec.cosines = builder.plain_input(node.inputs[1]);
  spec.sines = builder.plain_input(node.inputs[2]);
  spec.y = builder.plain_output(node.outputs[0]);
  auto step = std::make_unique<RotaryStep>(spec);
  step->info = {node.name, node.op, "rotary", "-", "f32->f32", "", 0, 0};
  builder.emit(std::move(step), {spec.x, spec.cosines, spec.sines}, {spec.y});
  return true;
}

}  // namespace tessera
