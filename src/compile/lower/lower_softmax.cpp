// Softmax -> SoftmaxStep, which works on rows. What lies along another axis than the last is copied to rows and back.
#include <memory>
#include <string>
#include <utility>

#include "compile/lower/lower.hpp"
#include "ops/helpers.hpp"
#include "run/steps/row_steps.hpp"
#include "run/steps/strided_copy_step.hpp"

namespace tessera {
namespace {

StepInfo softmax_info(const Node& node, const char* kernel, std::string_view isa, DataType from, DataType to) {
  return {node.name, node.op, kernel, std::string(isa), std::string(name_of(from)) + "->" + std::string(name_of(to)),
          "",        0,       0};
}

void emit_softmax(Builder& builder, const Node& node, const DenseRows& x, const DenseRows& y) {
  auto step = std::make_unique<SoftmaxStep>(builder.vector(), x, y);
  step->info = softmax_info(node, "softmax", name_of(builder.vector().isa), x.type, y.type);
  builder.emit(std::move(step), {x.buffer}, {y.buffer});
}

/// Copies blocks of rows x columns, each to the other order.
void emit_transposes(Builder& builder, const Node& node, DataType type, BufferId from, BufferId to,
                     const std::array<std::int64_t, 3>& blocks_rows_columns) {
  const auto [blocks, rows, columns] = blocks_rows_columns;
  const auto width = static_cast<std::int64_t>(size_of(type));
  StridedCopySpec spec;
  spec.from = from;
  spec.to = to;
  spec.width = width;
  spec.axes = {{blocks, rows * columns * width, rows * columns * width},
               {rows, columns * width, width},
               {columns, width, rows * width}};
  auto step = std::make_unique<StridedCopyStep>(std::move(spec));
  step->info = softmax_info(node, "copy", "-", type, type);
  builder.emit(std::move(step), {from}, {to});
}

}  // namespace

bool lower_softmax(Builder& builder, const Node& node) {
  const DataType x = builder.value(node.inputs[0]).type, y = builder.value(node.outputs[0]).type;
  const Shape shape = builder.shape(node.inputs[0]);
  if (x != DataType::f32 || (y != DataType::f32 && y != DataType::bf16) || shape.rank() == 0 || shape.elements() == 0)
    return false;
  const std::size_t axis = normalised_axis(node, node.attribute_or<std::int64_t>("axis", -1), shape.rank());
  const std::int64_t n = shape[axis], inner = shape.product(axis + 1, shape.rank()), rows = shape.elements() / n;
  const BufferId source = builder.plain_input(node.inputs[0]);
  if (inner == 1) {
    emit_softmax(builder, node, {source, x, rows, n}, {builder.plain_output(node.outputs[0]), y, rows, n});
    return true;
  }
  const auto bytes = [&](DataType type) { return static_cast<std::size_t>(shape.elements()) * size_of(type); };
  const BufferId turned = builder.buffer_within(bytes(x));
  emit_transposes(builder, node, x, source, turned, {rows / inner, n, inner});
  const BufferId result = builder.buffer_within(bytes(y));
  emit_softmax(builder, node, {turned, x, rows, n}, {result, y, rows, n});
  emit_transposes(builder, node, y, result, builder.plain_output(node.outputs[0]), {rows / inner, inner, n});
  return true;
}

}  // namespace tessera
