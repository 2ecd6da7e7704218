// Where -> SelectStep.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "compile/lower/lower.hpp"
#include "ops/helpers.hpp"
#include "run/steps/select_step.hpp"

namespace tessera {

bool lower_select(Builder& builder, const Node& node) {
  const Value& y = builder.value(node.outputs[0]);
  const Shape shape = builder.shape(node.outputs[0]);
  if (shape.rank() == 0 || shape.elements() == 0) return false;
  for (const std::size_t i : {1U, 2U})
    if (builder.value(node.inputs[i]).type != y.type) return false;
  std::array<Strides, 3> strides{};
  for (std::size_t i = 0; i < 3; ++i) strides[i] = broadcast_strides(builder.shape(node.inputs[i]), shape);
  SelectSpec spec;
  spec.width = static_cast<std::int64_t>(size_of(y.type));
  for (std::size_t axis = 0; axis < shape.rank(); ++axis)
    spec.axes.push_back({shape[axis], {strides[0][axis], strides[1][axis], strides[2][axis]}});
  spec.condition = builder.plain_input(node.inputs[0]);
  spec.yes = builder.plain_input(node.inputs[1]);
  spec.no = builder.plain_input(node.inputs[2]);
  spec.y = builder.plain_output(node.outputs[0]);
  std::vector<BufferId> reads{spec.condition, spec.yes, spec.no}, writes{spec.y};
  auto step = std::make_unique<SelectStep>(std::move(spec));
  const std::string type(name_of(y.type));
  step->info = {node.name, node.op, "select", "-", type + "->" + type, "", 0, 0};
  builder.emit(std::move(step), std::move(reads), std::move(writes));
  return true;
}

}  // namespace tessera
