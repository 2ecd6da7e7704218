// Any op with a reference evaluator runs as plain code on the first member: right, not fast, and `explain` says so.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "core/error.hpp"
#include "ops/helpers.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

/// Their views lie on the stack while the step runs.
constexpr std::size_t max_operands = 64;

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

/// bf16 or integers of a known scale to f32, or back: what stands around plain code that computes in f32.
class ConvertAll final : public Step {
 public:
  ConvertAll(const VectorKernels& kernels, const Value& from, BufferId x, const Value& to, BufferId y, std::int64_t n)
      : kernel_(kernels.convert),
        x_{nullptr, 0, from.type, dequantization(from)},
        y_{nullptr, 0, to.type, requantization(to)},
        from_(x),
        to_(y),
        n_(n) {}

  void run(const RunContext& context) const noexcept override {
    const Range range = share(n_, context.member, context.members);
    if (range.last == range.first) return;
    RowsIn x = x_;
    RowsOut y = y_;
    x.data = context.at(from_) + range.first * static_cast<std::int64_t>(size_of(x.type));
    y.data = context.at(to_) + range.first * static_cast<std::int64_t>(size_of(y.type));
    kernel_({x, y, 1, range.last - range.first});
  }

 private:
  void (*kernel_)(const ConvertCall&);
  RowsIn x_;
  RowsOut y_;
  BufferId from_, to_;
  std::int64_t n_;
};

/// Whether a value that stands for reals can be converted to f32 and back.
bool converts(const Value& value) {
  if (value.is_constant()) return true;
  const bool one_scale = !value.quantization || value.quantization->per_tensor();
  return value.type == DataType::bf16 || (value.type == DataType::u8 && one_scale);
}

Value in_f32(const Value& value) {
  Value real = value;
  real.type = DataType::f32;
  real.quantization.reset();
  return real;
}

/// The reals that a constant stands for.
Tensor reals_of(const Value& value) {
  const Tensor& held = value.constant;
  Tensor reals(DataType::f32, held.shape());
  const auto to = reals.mutable_as<float>();
  const bool one = !value.quantization || value.quantization->per_tensor();
  const std::size_t axis = one ? 0 : static_cast<std::size_t>(value.quantization->axis);
  const std::int64_t inner = one ? 1 : held.shape().product(axis + 1, held.shape().rank());
  with_type(held.type(), [&]<typename T>(T) {
    const auto from = held.as<T>();
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = static_cast<float>(from[i]);
      if (!value.quantization) continue;
      const std::size_t channel =
          one ? 0 : static_cast<std::size_t>(static_cast<std::int64_t>(i) / inner) % value.quantization->scale.size();
      to[i] =
          (to[i] - static_cast<float>(value.quantization->zero_point[channel])) * value.quantization->scale[channel];
    }
  });
  return reals;
}

void emit_conversion(Builder& builder, const Node& node, const Value& from, BufferId x, const Value& to, BufferId y) {
  const std::int64_t n = from.shape.to_shape().elements();
  auto step = std::make_unique<ConvertAll>(builder.vector(), from, x, to, y, n);
  step->info = {node.name,
                "Convert",
                "convert",
                std::string(name_of(builder.vector().isa)),
                std::string(name_of(from.type)) + "->" + std::string(name_of(to.type)),
                "plain code computes in f32",
                0,
                0};
  builder.emit(std::move(step), {x}, {y});
}

BufferId f32_buffer(Builder& builder, const Value& value) {
  return builder.buffer_within(static_cast<std::size_t>(value.shape.to_shape().elements()) * sizeof(float));
}

/// An input as f32, for an op that knows what its numbers stand for.
BufferId real_input(Builder& builder, const Node& node, ValueId id) {
  const Value& value = builder.value(id);
  if (value.is_constant()) return builder.constant_input(reals_of(value));
  const BufferId source = builder.plain_input(id);
  const BufferId reals = f32_buffer(builder, value);
  emit_conversion(builder, node, value, source, in_f32(value), reals);
  return reals;
}

}  // namespace

bool lower_reference(Builder& builder, const Node& node) {
  const OpSchema* schema = find_op(node.op);
  if (schema == nullptr || schema->evaluate == nullptr) return false;
  const std::size_t operands = std::max(node.inputs.size(), node.outputs.size());
  if (operands > max_operands)
    reject("node " + node.name + " (" + node.op + ")",
           "it has " + std::to_string(operands) + " inputs or outputs, and plain code takes " +
               std::to_string(max_operands) + " at most",
           "export it as several nodes");
  for (const std::vector<ValueId>* ids : {&node.inputs, &node.outputs})
    for (const ValueId id : *ids)
      if (id != no_value && !plain_code_runs(*schema, builder.value(id)) &&
          ((schema->codes != Codes::reals && schema->kind != OpKind::pool) || !converts(builder.value(id))))
        return false;

  auto step = std::make_unique<ReferenceStep>(node, *schema);
  std::vector<BufferId> reads, writes;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == no_value) {
      step->inputs.emplace_back();
      continue;
    }
    const bool as_it_is = plain_code_runs(*schema, builder.value(id));
    // Gather copies rows of its first input as bytes.
    reads.push_back(!as_it_is                       ? real_input(builder, node, id)
                    : node.op == "Gather" && i == 0 ? builder.table_input(id)
                                                    : builder.reference_input(id));
    step->inputs.push_back({reads.back(), as_it_is ? builder.value(id).type : DataType::f32, builder.shape(id)});
  }
  std::vector<std::pair<ValueId, BufferId>> reals;  // outputs to be converted
  for (const ValueId id : node.outputs) {
    const bool as_it_is = plain_code_runs(*schema, builder.value(id));
    writes.push_back(as_it_is ? builder.plain_output(id) : f32_buffer(builder, builder.value(id)));
    if (!as_it_is) reals.emplace_back(id, writes.back());
    step->outputs.push_back({writes.back(), as_it_is ? builder.value(id).type : DataType::f32, builder.shape(id)});
  }
  const DataType type = builder.value(node.outputs[0]).type;
  step->info = {node.name, node.op, "reference", "-", std::string(name_of(type)), "no kernel for this form of the op",
                0,         0};
  builder.emit(std::move(step), std::move(reads), std::move(writes));
  for (const auto& [id, buffer] : reals)
    emit_conversion(builder, node, in_f32(builder.value(id)), buffer, builder.value(id), builder.plain_output(id));
  return true;
}

}  // namespace tessera
