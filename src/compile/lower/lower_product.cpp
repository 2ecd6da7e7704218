// MatMul of two computed operands -> ProductStep.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "compile/lower/lower.hpp"
#include "core/checked_size.hpp"
#include "ops/helpers.hpp"
#include "run/steps/product_step.hpp"

namespace tessera {
namespace {

/// The shape without its last two axes.
Shape items_of(const Shape& shape) {
  return Shape(shape.dims().first(shape.rank() - 2));
}

}  // namespace

bool lower_product(Builder& builder, const Node& node) {
  const Shape a = builder.shape(node.inputs[0]), b = builder.shape(node.inputs[1]);
  const Shape c = builder.shape(node.outputs[0]);
  for (const ValueId id : {node.inputs[0], node.inputs[1], node.outputs[0]})
    if (builder.value(id).type != DataType::f32) return false;
  if (a.rank() < 2 || b.rank() < 2 || c.elements() == 0 || a.back() == 0) return false;
  ProductSpec spec;
  spec.rows = a.back(1);
  spec.depth = a.back();
  spec.columns = b.back();
  const BrgemmKernel* kernel = find_brgemm(DataType::f32, DataType::f32, builder.isa(), spec.rows);
  if (kernel == nullptr || kernel->k_group != 1) return false;
  // The panels of B are no value of the graph, whose sizes are known to be sane.
  checked_bytes({spec.depth, spec.columns + kernel->nr, 4}, "node " + node.name);

  const Shape items = items_of(c);
  const std::array<Strides, 2> strides{broadcast_strides(items_of(a), items), broadcast_strides(items_of(b), items)};
  const std::int64_t a_bytes = spec.rows * spec.depth * 4, b_bytes = spec.depth * spec.columns * 4;
  for_each_element(items, strides, [&](std::int64_t, const std::array<std::int64_t, 2>& at) {
    spec.a_items.push_back(at[0] * a_bytes);
    spec.b_items.push_back(at[1] * b_bytes);
  });
  spec.a = builder.plain_input(node.inputs[0]);
  spec.b = builder.plain_input(node.inputs[1]);
  spec.c = builder.plain_output(node.outputs[0]);
  const BufferId x = spec.a, y = spec.b, target = spec.c;
  const double gflop = 2e-9 * static_cast<double>(c.elements()) * static_cast<double>(spec.depth);
  auto step = std::make_unique<ProductStep>(*kernel, builder.vector(), std::move(spec));
  step->info = {node.name, node.op, kernel->name, std::string(name_of(kernel->isa)), "f32->f32", "", gflop, 0};
  builder.emit(std::move(step), {x, y}, {target});
  return true;
}

}  // namespace tessera
