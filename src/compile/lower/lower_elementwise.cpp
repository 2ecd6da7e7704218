// Activations, sums, differences, products and quotients by element, of f32, bf16 and u8:
//   - images stay images: a row of pixels at a time, also times one number for each channel of an image
//     (squeeze-and-excite);
//   - anything else is dense: rows of the last axis, where an operand may repeat (a bias, positions, one number); one
//     that repeats in another way is written out first.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compile/layout/activation.hpp"
#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "ops/helpers.hpp"
#include "run/steps/elementwise_steps.hpp"
#include "run/steps/strided_copy_step.hpp"

namespace tessera {
namespace {

StepInfo describe(const Builder& builder, const Node& node) {
  return {node.name,
          node.op,
          "elementwise",
          std::string(name_of(builder.vector().isa)),
          std::string(name_of(builder.value(node.inputs[0]).type)) + "->" +
              std::string(name_of(builder.value(node.outputs[0]).type)),
          "",
          0,
          0};
}

/// [N, C, 1, 1] or [1, C, 1, 1] beside [N, C, H, W].
bool is_number_for_each_channel(const Shape& b, const Shape& y) {
  return b.rank() == 4 && (b[0] == y[0] || b[0] == 1) && b[1] == y[1] && b[2] == 1 && b[3] == 1;
}

/// The operands as images, if some of them are and the kernel can take them so; a Mul or Add may be turned around.
bool lower_images(Builder& builder, const Node& node, ElementwiseCall call, std::vector<ValueId> operands) {
  const Shape y = builder.shape(node.outputs[0]);
  const bool has_image = std::ranges::any_of(operands, [&](ValueId id) { return builder.is_image(id); });
  if (y.rank() != 4 || !(has_image || node.op == "FusedGate")) return false;
  const bool turns = call.op == Binary::add || call.op == Binary::mul;
  if (operands.size() == 2 && turns && !(builder.shape(operands[0]) == y)) std::swap(operands[0], operands[1]);
  if (!(builder.shape(operands[0]) == y)) return false;
  if (operands.size() == 2) {
    const Shape b = builder.shape(operands[1]);
    if (!(b == y) && !is_number_for_each_channel(b, y)) return false;
  }
  std::array<Image, 3> images;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    images[i] = builder.image_input(operands[i]);
    RowsIn& rows = i == 0 ? call.a : call.b;
    rows.type = images[i].type;
    rows.quantization = dequantization(builder.value(operands[i]));
  }
  images[2] = builder.image_output(node.outputs[0]);
  const std::vector<BufferId> reads{images[0].buffer, images[1].buffer}, writes{images[2].buffer};
  auto step =
      std::make_unique<ElementwiseImageStep>(builder.vector(), call, images, zero_byte(builder.value(node.outputs[0])));
  step->info = describe(builder, node);
  builder.emit(std::move(step), reads, writes);
  return true;
}

/// How many rows of the last axis an operand has before it repeats; nothing where it repeats in another way.
std::optional<std::int64_t> period_of(const Shape& operand, const Shape& y) {
  std::size_t skipped = 0;
  while (skipped < operand.rank() && operand[skipped] == 1) ++skipped;
  const std::size_t rank = operand.rank() - skipped;
  if (rank == 0 || rank > y.rank()) return std::nullopt;
  for (std::size_t i = 0; i < rank; ++i)
    if (operand[skipped + i] != y[y.rank() - rank + i]) return std::nullopt;
  return operand.elements() / operand.back();
}

/// A constant number, as a row of n.
BufferId row_of_number(Builder& builder, float number, std::int64_t n) {
  auto row = std::make_shared<AlignedBuffer>(static_cast<std::size_t>(n) * sizeof(float));
  std::fill_n(reinterpret_cast<float*>(row->data()), n, number);
  return builder.keep_as_buffer(std::move(row));
}

/// An operand that repeats in another way, as if it did not.
ElementwiseOperand expanded(Builder& builder, const Node& node, ValueId id, const Shape& y) {
  const Value& value = builder.value(id);
  const auto width = static_cast<std::int64_t>(size_of(value.type));
  const Strides from = broadcast_strides(builder.shape(id), y), to = dense_strides(y);
  StridedCopySpec spec;
  spec.width = width;
  spec.from = builder.plain_input(id);
  spec.to = builder.buffer_within(static_cast<std::size_t>(y.elements() * width));
  for (std::size_t axis = 0; axis < y.rank(); ++axis)
    spec.axes.push_back({y[axis], from[axis] * width, to[axis] * width});
  const BufferId source = spec.from, target = spec.to;
  auto step = std::make_unique<StridedCopyStep>(std::move(spec));
  const std::string type(name_of(value.type));
  step->info = {node.name, "Expand", "copy", "-", type + "->" + type, "", 0, 0};
  builder.emit(std::move(step), {source}, {target});
  return {target, value.type, dequantization(value), y.elements() / y.back()};
}

ElementwiseOperand dense_operand(Builder& builder, const Node& node, ValueId id, const Shape& y) {
  const Value& value = builder.value(id);
  const Shape shape = builder.shape(id);
  const bool one = shape.elements() == 1 && y.elements() > 1;
  if (one && value.is_constant() && value.type == DataType::f32)
    return {row_of_number(builder, value.constant.as<float>()[0], y.back()), DataType::f32, {}, 1};
  const auto period = one ? std::nullopt : period_of(shape, y);
  if (!period) return expanded(builder, node, id, y);
  return {builder.plain_input(id), value.type, dequantization(value), *period};
}

bool lower_dense(Builder& builder, const Node& node, ElementwiseCall call, const std::vector<ValueId>& operands) {
  const Shape y = builder.shape(node.outputs[0]);
  if (y.rank() == 0 || y.elements() == 0) return false;
  const ElementwiseOperand a = dense_operand(builder, node, operands[0], y);
  const ElementwiseOperand b =
      operands.size() == 2 ? dense_operand(builder, node, operands[1], y) : ElementwiseOperand{};
  call.n = y.back();
  call.rows = y.elements() / call.n;
  const BufferId target = builder.plain_output(node.outputs[0]);
  auto step = std::make_unique<ElementwiseStep>(builder.vector(), call, a, b, target);
  step->info = describe(builder, node);
  builder.emit(std::move(step), {a.buffer, b.buffer}, {target});
  return true;
}

}  // namespace

bool lower_elementwise(Builder& builder, const Node& node) {
  ElementwiseCall call;
  std::vector<ValueId> operands{node.inputs[0]};
  if (const auto activation = activation_of_node(builder.graph(), node)) {
    call.activation = activation->activation;
    call.parameters = activation->parameters;
  } else {
    if (node.inputs.size() != 2 || node.op == "Clip") return false;
    if (node.op == "Sub") call.op = Binary::sub;
    if (node.op == "Mul" || node.op == "FusedGate") call.op = Binary::mul;
    if (node.op == "Div") call.op = Binary::div;
    operands.push_back(node.inputs[1]);
  }
  const Value& y = builder.value(node.outputs[0]);
  if (!is_kernel_type(y.type)) return false;
  for (const ValueId id : operands)
    if (!is_kernel_type(builder.value(id).type)) return false;
  call.y.type = y.type;
  call.y.quantization = requantization(y);
  return lower_images(builder, node, call, operands) || lower_dense(builder, node, call, operands);
}

/// -x is x * -1, exactly.
bool lower_negative(Builder& builder, const Node& node) {
  const Shape y = builder.shape(node.outputs[0]);
  const bool floats = builder.value(node.inputs[0]).type == DataType::f32;
  if (!floats || y.rank() == 0 || y.elements() == 0) return false;
  ElementwiseCall call;
  call.op = Binary::mul;
  call.n = y.back();
  call.rows = y.elements() / call.n;
  const ElementwiseOperand x{builder.plain_input(node.inputs[0]), DataType::f32, {}, call.rows};
  const ElementwiseOperand minus_one{row_of_number(builder, -1.0F, call.n), DataType::f32, {}, 1};
  const BufferId target = builder.plain_output(node.outputs[0]);
  auto step = std::make_unique<ElementwiseStep>(builder.vector(), call, x, minus_one, target);
  step->info = describe(builder, node);
  builder.emit(std::move(step), {x.buffer, minus_one.buffer}, {target});
  return true;
}

}  // namespace tessera
