// ReduceSum, ReduceMean, ReduceL2 and their like of floats, over any axes: members share the parts of the result.
#include <memory>
#include <string>
#include <utility>

#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "ops/reduction.hpp"

namespace tessera {
namespace {

class ReduceStep final : public Step {
 public:
  ReduceStep(const FloatReduction& reduction, BufferId x, BufferId y) : reduction_(reduction), x_(x), y_(y) {}

  void run(const RunContext& context) const noexcept override {
    const Range parts = share(reduction_.loops.parts(), context.member, context.members);
    reduction_.compute(reduction_.loops, reinterpret_cast<const float*>(context.at(x_)),
                       reinterpret_cast<float*>(context.at(y_)), parts.first, parts.last);
  }

 private:
  FloatReduction reduction_;
  BufferId x_, y_;
};

}  // namespace

bool lower_reduction(Builder& builder, const Node& node) {
  const auto inputs = known_inputs(builder, node);
  if (!inputs || builder.value(node.outputs[0]).type != DataType::f32) return false;
  const auto reduction = float_reduction_of(node, inputs->views);
  if (!reduction) return false;
  const BufferId x = builder.plain_input(node.inputs[0]), y = builder.plain_output(node.outputs[0]);
  auto step = std::make_unique<ReduceStep>(*reduction, x, y);
  step->info = {node.name, node.op, "reduce", "-", "f32->f32", "", 0, 0};
  builder.emit(std::move(step), {x}, {y});
  return true;
}

}  // namespace tessera
