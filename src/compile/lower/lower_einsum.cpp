// Einsum of two operands -> ProductStep. Operands whose axes lie in another order than those of a batch of matrices are
// copied into it first, and the result is copied out of it.
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compile/lower/lower.hpp"
#include "core/checked_size.hpp"
#include "ops/einsum.hpp"
#include "ops/helpers.hpp"
#include "run/steps/product_step.hpp"
#include "run/steps/strided_copy_step.hpp"

namespace tessera {
namespace {

constexpr std::int64_t float_width = sizeof(float);

/// Extents by label. An operand may have 1 where the other has more.
using Extents = std::map<char, std::int64_t>;

std::int64_t label_elements(const std::string& labels, const Extents& extents) {
  std::int64_t elements = 1;
  for (const char label : labels) elements *= extents.at(label);
  return elements;
}

/// Bytes between neighbours along each label of a dense array; 0 along axes of one element.
Extents label_strides(const std::string& labels, const Extents& extents) {
  Extents strides;
  std::int64_t step = float_width;
  for (std::size_t i = labels.size(); i-- > 0;) {
    strides[labels[i]] = extents.at(labels[i]) == 1 ? 0 : step;
    step *= extents.at(labels[i]);
  }
  return strides;
}

class EinsumLowering {
 public:
  EinsumLowering(Builder& builder, const Node& node, EinsumProduct product)
      : builder_(builder), node_(node), product_(std::move(product)) {
    for (std::size_t i = 0; i < 2; ++i) {
      const Shape shape = builder.shape(node.inputs[i]);
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        const char label = product_.operands[i][axis];
        own_[i][label] = shape[axis];
        std::int64_t& extent = extents_.try_emplace(label, 1).first->second;
        extent = std::max(extent, shape[axis]);
      }
    }
  }

  bool lower() {
    ProductSpec spec;
    spec.rows = label_elements(product_.rows, extents_);
    spec.columns = label_elements(product_.columns, extents_);
    spec.depth = label_elements(product_.depth, extents_);
    const std::int64_t items = label_elements(product_.items, extents_);
    const BrgemmKernel* kernel = find_brgemm(DataType::f32, DataType::f32, builder_.isa(), spec.rows);
    if (kernel == nullptr || kernel->k_group != 1) return false;
    for (const auto& [rows, columns] : {std::pair{spec.rows, spec.depth}, {spec.depth, spec.columns + kernel->nr}})
      checked_bytes({items, rows, columns, float_width}, "node " + node_.name);

    spec.a = operand(0, product_.items + product_.rows + product_.depth);
    spec.b = operand(1, product_.items + product_.depth + product_.columns);
    const std::string order = product_.items + product_.rows + product_.columns;
    const bool in_order = order == product_.result;
    spec.c = in_order
                 ? builder_.plain_output(node_.outputs[0])
                 : builder_.buffer_within(static_cast<std::size_t>(items * spec.rows * spec.columns * float_width));
    for (std::int64_t i = 0; i < items; ++i) {
      spec.a_items.push_back(i * spec.rows * spec.depth * float_width);
      spec.b_items.push_back(i * spec.depth * spec.columns * float_width);
    }
    const BufferId a = spec.a, b = spec.b, c = spec.c;
    const double gflop = 2e-9 * static_cast<double>(items * spec.rows) * static_cast<double>(spec.columns * spec.depth);
    auto step = std::make_unique<ProductStep>(*kernel, builder_.vector(), std::move(spec));
    step->info = {node_.name, node_.op, kernel->name, std::string(name_of(kernel->isa)), "f32->f32", "", gflop, 0};
    builder_.emit(std::move(step), {a, b}, {c});
    if (!in_order) copy(c, label_strides(order, extents_), builder_.plain_output(node_.outputs[0]), product_.result);
    return true;
  }

 private:
  /// Operand i as a dense array of the axes in this order.
  BufferId operand(std::size_t i, const std::string& order) {
    const BufferId source = builder_.plain_input(node_.inputs[i]);
    bool whole = order == product_.operands[i];
    for (const auto& [label, extent] : own_[i]) whole = whole && extent == extents_.at(label);
    if (whole) return source;
    const BufferId target =
        builder_.buffer_within(static_cast<std::size_t>(label_elements(order, extents_) * float_width));
    copy(source, label_strides(product_.operands[i], own_[i]), target, order);
    return target;
  }

  void copy(BufferId from, const Extents& strides, BufferId to, const std::string& order) {
    StridedCopySpec spec;
    spec.from = from;
    spec.to = to;
    spec.width = float_width;
    const Extents dense = label_strides(order, extents_);
    for (const char label : order) spec.axes.push_back({extents_.at(label), strides.at(label), dense.at(label)});
    auto step = std::make_unique<StridedCopyStep>(std::move(spec));
    step->info = {node_.name, node_.op, "copy", "-", "f32->f32", "", 0, 0};
    builder_.emit(std::move(step), {from}, {to});
  }

  Builder& builder_;
  const Node& node_;
  EinsumProduct product_;
  std::array<Extents, 2> own_;  ///< of each operand
  Extents extents_;             ///< of both together
};

}  // namespace

bool lower_einsum(Builder& builder, const Node& node) {
  for (const ValueId id : node.inputs)
    if (builder.value(id).type != DataType::f32 || builder.shape(id).elements() == 0) return false;
  if (node.inputs.size() != 2 || builder.value(node.outputs[0]).type != DataType::f32) return false;
  auto product = einsum_product_of(node, {builder.shape(node.inputs[0]).rank(), builder.shape(node.inputs[1]).rank()});
  return product && EinsumLowering(builder, node, *std::move(product)).lower();
}

}  // namespace tessera
