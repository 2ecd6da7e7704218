#include "compile/batch_items.hpp"

#include <algorithm>
#include <vector>

#include "compile/layout/builder.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

/// How a value relates to the batch.
enum class Kind : std::uint8_t {
  shared,   ///< the same for every size of the batch
  by_item,  ///< the first axis counts items, or equal parts of items
  extents,  ///< numbers computed from shapes, which the size of the batch changes
  mixed,    ///< anything else
};

/// A node and what is known of its values.
struct View {
  const Graph& graph;  ///< with the shapes of the whole batch
  const std::vector<Kind>& kinds;
  const Node& node;

  [[nodiscard]] Kind kind(std::size_t i) const {
    return node.has_input(i) ? kinds[static_cast<std::size_t>(node.inputs[i])] : Kind::shared;
  }
  [[nodiscard]] const Value& value(std::size_t i) const { return graph.value(node.inputs[i]); }
  [[nodiscard]] std::size_t rank(std::size_t i) const { return value(i).shape.rank(); }
  [[nodiscard]] std::size_t output_rank() const { return graph.value(node.outputs[0]).shape.rank(); }
  [[nodiscard]] bool shared_from(std::size_t first) const {
    for (std::size_t i = first; i < node.inputs.size(); ++i)
      if (kind(i) != Kind::shared) return false;
    return true;
  }
  /// Stretched over all items when an operator broadcasts it to an output of this rank.
  [[nodiscard]] bool same_for_all(std::size_t i, std::size_t rank_of_output) const {
    return kind(i) == Kind::shared && (!node.has_input(i) || rank(i) < rank_of_output || value(i).shape.dims[0] == 1);
  }
  /// An axis that may count from the end.
  [[nodiscard]] bool is_first_axis(std::int64_t axis, std::size_t rank_of_value) const {
    return axis == 0 || axis == -static_cast<std::int64_t>(rank_of_value);
  }
};

/// Every element of input 0 by itself, or its elements in their order under another shape.
bool first_input_only(const View& v) {
  return v.kind(0) == Kind::by_item && v.shared_from(1);
}

bool reshape(const View& v) {
  return v.kind(0) == Kind::by_item && (v.kind(1) == Kind::shared || v.kind(1) == Kind::extents);
}

bool expand(const View& v) {
  const bool data = v.kind(0) == Kind::by_item ? v.rank(0) == v.output_rank() : v.same_for_all(0, v.output_rank());
  return data && (v.kind(1) == Kind::shared || v.kind(1) == Kind::extents);
}

bool broadcast(const View& v) {
  const SymbolicShape& out = v.graph.value(v.node.outputs[0]).shape;
  for (std::size_t i = 0; i < v.node.inputs.size(); ++i) {
    if (v.same_for_all(i, out.rank())) continue;
    if (v.kind(i) != Kind::by_item || v.rank(i) != out.rank() || !(v.value(i).shape.dims[0] == out.dims[0]))
      return false;
  }
  return true;
}

bool residual_fits(const View& v) {
  return !v.node.has_input(3) || v.kind(3) == Kind::by_item;
}

bool convolution(const View& v) {
  if (quantizes_at_run_time(v.value(0), v.value(1))) return false;  // by one scale for all of X
  return v.kind(0) == Kind::by_item && v.kind(1) == Kind::shared && v.kind(2) == Kind::shared && residual_fits(v);
}

bool product(const View& v) {
  if (v.node.attribute_or<std::int64_t>("quantize_input", 0) != 0 && quantizes_at_run_time(v.value(0), v.value(1)))
    return false;  // by one scale for all of X
  if (v.kind(0) != Kind::by_item || v.rank(0) < 2 || v.node.attribute_or<std::int64_t>("transA", 0) != 0) return false;
  if (v.kind(1) == Kind::by_item) return v.node.op == "MatMul" && v.rank(0) >= 3 && v.rank(0) == v.rank(1);
  return v.kind(1) == Kind::shared && v.rank(1) <= 2 && v.same_for_all(2, v.output_rank()) && residual_fits(v);
}

bool attention(const View& v) {
  for (std::size_t i = 0; i < 3; ++i)
    if (v.node.has_input(i) && v.kind(i) != Kind::by_item) return false;
  // The mask is added to scores of four axes.
  return v.rank(0) >= 3 && (v.same_for_all(3, 4) || (v.kind(3) == Kind::by_item && v.rank(3) == 4));
}

bool along_inner_axis(const View& v) {
  return first_input_only(v) && !v.is_first_axis(v.node.attribute_or<std::int64_t>("axis", -1), v.rank(0));
}

/// Made of nothing but a shape and one number.
bool constant_of_shape(const View& v) {
  return v.kind(0) == Kind::extents;
}

bool quantization(const View& v) {
  const bool per_tensor = v.value(1).is_constant() && v.value(1).constant.shape().elements() == 1;
  return first_input_only(v) &&
         (per_tensor || !v.is_first_axis(v.node.attribute_or<std::int64_t>("axis", 1), v.rank(0)));
}

bool transpose(const View& v) {
  const auto* perm = v.node.find_attribute<std::vector<std::int64_t>>("perm");
  return v.kind(0) == Kind::by_item && perm != nullptr && !perm->empty() && perm->front() == 0;
}

bool gather(const View& v) {
  const bool first = v.is_first_axis(v.node.attribute_or<std::int64_t>("axis", 0), v.rank(0));
  if (v.kind(0) == Kind::shared) return first && v.kind(1) == Kind::by_item;
  return v.kind(0) == Kind::by_item && !first && v.kind(1) == Kind::shared;
}

bool concat(const View& v) {
  for (std::size_t i = 0; i < v.node.inputs.size(); ++i)
    if (v.kind(i) != Kind::by_item) return false;
  return !v.is_first_axis(v.node.attribute_or<std::int64_t>("axis", 0), v.rank(0));
}

/// Axes named by an attribute or a constant, none of them the first.
bool inner_axes(const View& v, std::size_t input) {
  std::vector<std::int64_t> axes;
  if (const auto* attribute = v.node.find_attribute<std::vector<std::int64_t>>("axes")) {
    axes = *attribute;
  } else if (v.node.has_input(input) && v.value(input).is_constant() && v.value(input).type == DataType::i64) {
    const auto elements = v.value(input).constant.as<std::int64_t>();
    axes.assign(elements.begin(), elements.end());
  }
  return first_input_only(v) && !axes.empty() &&
         std::ranges::none_of(axes, [&](std::int64_t axis) { return v.is_first_axis(axis, v.rank(0)); });
}

bool keeps_items_apart(const View& view) {
  const OpSchema* schema = find_op(view.node.op);
  switch (schema == nullptr ? ItemRule::mixes : schema->by_item) {
    case ItemRule::unstated:
    case ItemRule::mixes: return false;
    case ItemRule::first_input: return first_input_only(view);
    case ItemRule::reshape: return reshape(view);
    case ItemRule::expand: return expand(view);
    case ItemRule::broadcast: return broadcast(view);
    case ItemRule::convolution: return convolution(view);
    case ItemRule::product: return product(view);
    case ItemRule::attention: return attention(view);
    case ItemRule::inner_axis: return along_inner_axis(view);
    case ItemRule::inner_axes: return inner_axes(view, 1);
    case ItemRule::sliced_axes: return inner_axes(view, 3);
    case ItemRule::constant_of_shape: return constant_of_shape(view);
    case ItemRule::quantization: return quantization(view);
    case ItemRule::transpose: return transpose(view);
    case ItemRule::gather: return gather(view);
    case ItemRule::concat: return concat(view);
  }
  return false;
}

/// What the shapes, or the numbers made of shapes, say.
Kind kind_by_shape(const Value& item, const Value& batch, std::int64_t items) {
  if (item.extents && batch.extents && item.extents->size() == batch.extents->size())
    return *item.extents == *batch.extents ? Kind::shared : Kind::extents;
  const std::vector<Dim>& a = item.shape.dims;
  const std::vector<Dim>& b = batch.shape.dims;
  if (a.size() != b.size()) return Kind::mixed;
  if (a == b) return Kind::shared;
  const bool grows = a[0].known() && b[0].known() && a[0].value() * items == b[0].value();
  return grows && std::equal(a.begin() + 1, a.end(), b.begin() + 1) ? Kind::by_item : Kind::mixed;
}

bool are_shared(const std::vector<Kind>& kinds, const Node& node) {
  return std::ranges::all_of(
      node.inputs, [&](ValueId id) { return id == no_value || kinds[static_cast<std::size_t>(id)] == Kind::shared; });
}

std::string because(const Node& node) {
  return "node " + node.name + " (" + node.op + ") may mix items";
}

}  // namespace

std::optional<std::string> why_not_by_item(const Graph& item, const Graph& batch, std::int64_t items) {
  std::vector<Kind> kinds(batch.values.size(), Kind::shared);
  const auto judge = [&](ValueId id) {
    return kinds[static_cast<std::size_t>(id)] = kind_by_shape(item.value(id), batch.value(id), items);
  };
  for (const ValueId id : batch.inputs)
    if (judge(id) == Kind::mixed) return "the batch is not the first axis of input " + batch.value(id).name;
  for (const Node& node : batch.nodes) {
    const bool shared = are_shared(kinds, node);
    for (const ValueId id : node.outputs) {
      if (id == no_value) continue;
      const Kind kind = judge(id);
      // A shape that stays the same says nothing of elements that were made from items.
      const bool numbers = kind == Kind::extents || batch.value(id).extents.has_value();
      const bool fits = shared ? kind == Kind::shared : numbers || kind == Kind::by_item;
      if (!fits) return because(node);
    }
    const bool computes = !shared && std::ranges::any_of(node.outputs, [&](ValueId id) {
      return id != no_value && kinds[static_cast<std::size_t>(id)] == Kind::by_item;
    });
    if (computes && !keeps_items_apart({batch, kinds, node})) return because(node);
  }
  for (const ValueId id : batch.outputs)
    if (kinds[static_cast<std::size_t>(id)] != Kind::by_item)
      return "output " + batch.value(id).name + " is not one of items";
  return std::nullopt;
}

}  // namespace tessera
