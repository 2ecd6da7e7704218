// Any op with a reference evaluator runs as plain code on the first member: right, not fast, and `explain` says so.
#include <array>
#include <string>

#include "ops/op.hpp"
#include "plan/lower.hpp"

namespace tessera {
namespace {

constexpr std::size_t max_operands = 16;

class ReferenceStep final : public Step {
 public:
  ReferenceStep(const Node& node, const OpSchema& schema) : node_(node), evaluate_(schema.evaluate) {}

  struct Operand {
    BufferId buffer = no_buffer;
    DataType type = DataType::f32;
    Shape shape;
  };
  std::vector<Operand> inputs, outputs;

  void run(const RunContext& context) const noexcept override {
    if (context.member != 0) return;
    std::array<TensorView, max_operands> in, out;
    const auto view = [&](const std::vector<Operand>& operands, std::array<TensorView, max_operands>& views) {
      for (std::size_t i = 0; i < operands.size(); ++i)
        views[i] = {operands[i].type, operands[i].shape,
                    operands[i].buffer == no_buffer ? nullptr : context.at(operands[i].buffer)};
      return std::span<const TensorView>(views.data(), operands.size());
    };
    const auto x = view(inputs, in), y = view(outputs, out);
    try {
      evaluate_(node_, x, y);
    } catch (...) {
      // An index out of range and the like: the data is wrong, not the plan. The session throws it after the inference.
      if (context.failure != nullptr && *context.failure == nullptr) *context.failure = std::current_exception();
    }
  }

 private:
  Node node_;
  void (*evaluate_)(const Node&, std::span<const TensorView>, std::span<const TensorView>);
};

bool plain_type(const Value& value) {
  return value.type != DataType::bf16 && !value.quantization;
}

}  // namespace

bool lower_reference(Builder& builder, const Node& node) {
  const OpSchema* schema = find_op(node.op);
  if (schema == nullptr || schema->evaluate == nullptr || node.inputs.size() > max_operands ||
      node.outputs.size() > max_operands)
    return false;
  for (const std::vector<ValueId>* ids : {&node.inputs, &node.outputs})
    for (const ValueId id : *ids)
      if (id != no_value && !plain_type(builder.value(id))) return false;

  auto step = std::make_unique<ReferenceStep>(node, *schema);
  std::vector<BufferId> reads, writes;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == no_value) {
      step->inputs.emplace_back();
      continue;
    }
    // Gather copies rows of its first input as bytes.
    reads.push_back(node.op == "Gather" && i == 0 ? builder.table_input(id) : builder.reference_input(id));
    step->inputs.push_back({reads.back(), builder.value(id).type, builder.shape(id)});
  }
  for (const ValueId id : node.outputs) {
    writes.push_back(builder.plain_output(id));
    step->outputs.push_back({writes.back(), builder.value(id).type, builder.shape(id)});
  }
  const DataType type = builder.value(node.outputs[0]).type;
  step->info = {node.name, node.op, "reference", "-", std::string(name_of(type)), "no kernel for this form of the op",
                0,         0};
  builder.emit(std::move(step), std::move(reads), std::move(writes));
  return true;
}

}  // namespace tessera
