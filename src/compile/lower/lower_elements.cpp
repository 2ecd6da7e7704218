// Ops that compute every element from the elements at its place, and have no kernel: plain code, but each member runs
// it on its share of the elements. Operands of one element are the same for all.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

constexpr std::size_t most_inputs = 8;
/// Elements of one share at least: members never write into one cache line, and plain code has something to loop over.
constexpr std::int64_t elements_grain = 256;

class ElementsStep final : public Step {
 public:
  struct Operand {
    BufferId buffer = no_buffer;
    DataType type = DataType::f32;
    bool single = false;  ///< one element, which meets all others
  };
  ElementsStep(const Node& node, const OpSchema& schema, std::vector<Operand> inputs, Operand y, std::int64_t count)
      : node_(node), evaluate_(schema.evaluate), inputs_(std::move(inputs)), y_(y), count_(count) {}

  void run(const RunContext& context) const noexcept override {
    const Range part = share(count_, context.member, context.members, elements_grain);
    if (part.first == part.last) return;
    try {
      const auto view = [&](const Operand& operand) {
        if (operand.buffer == no_buffer) return TensorView{};
        std::byte* const data = context.at(operand.buffer);
        if (operand.single) return TensorView{operand.type, Shape{}, data};
        return TensorView{operand.type, Shape{part.last - part.first},
                          data + part.first * static_cast<std::int64_t>(size_of(operand.type))};
      };
      std::array<TensorView, most_inputs> in;
      std::ranges::transform(inputs_, in.begin(), view);
      const TensorView y = view(y_);
      evaluate_(node_, {in.data(), inputs_.size()}, {&y, 1});
    } catch (...) {
      // The data is wrong, not the plan. The session throws it after the inference.
      if (context.failure != nullptr && *context.failure == nullptr) *context.failure = std::current_exception();
    }
  }

 private:
  Node node_;
  void (*evaluate_)(const Node&, std::span<const TensorView>, std::span<const TensorView>);
  std::vector<Operand> inputs_;
  Operand y_;
  std::int64_t count_;
};

}  // namespace

bool lower_elements(Builder& builder, const Node& node) {
  const OpSchema* schema = find_op(node.op);
  if (schema == nullptr || schema->evaluate == nullptr || schema->kind != OpKind::elementwise ||
      node.outputs.size() != 1 || node.inputs.size() > most_inputs)
    return false;
  const std::int64_t count = builder.shape(node.outputs[0]).elements();
  if (!plain_code_runs(*schema, builder.value(node.outputs[0]))) return false;
  for (const ValueId id : node.inputs) {
    if (id == no_value) continue;
    const std::int64_t elements = builder.shape(id).elements();
    if (!plain_code_runs(*schema, builder.value(id)) || (elements != count && elements != 1)) return false;
  }
  std::vector<ElementsStep::Operand> inputs;
  std::vector<BufferId> reads;
  for (const ValueId id : node.inputs) {
    inputs.emplace_back();
    if (id == no_value) continue;
    inputs.back() = {builder.reference_input(id), builder.value(id).type, builder.shape(id).elements() == 1};
    reads.push_back(inputs.back().buffer);
  }
  const DataType type = builder.value(node.outputs[0]).type;
  const BufferId y = builder.plain_output(node.outputs[0]);
  auto step = std::make_unique<ElementsStep>(node, *schema, std::move(inputs), ElementsStep::Operand{y, type}, count);
  step->info = {node.name, node.op, "elements", "-", std::string(name_of(type)), "plain code on all threads", 0, 0};
  builder.emit(std::move(step), std::move(reads), {y});
  return true;
}

}  // namespace tessera
