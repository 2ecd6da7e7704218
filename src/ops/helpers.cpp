#include "ops/helpers.hpp"

#include <algorithm>
#include <utility>

#include "core/checked_size.hpp"
#include "core/error.hpp"

namespace tessera {

namespace {

// Shape arithmetic works on vectors as long as a rank; anything longer is data.
constexpr std::int64_t max_extents = 2 * static_cast<std::int64_t>(Shape::max_rank);

template <typename T>
std::vector<Dim> read_extents(const Tensor& tensor) {
  std::vector<Dim> extents;
  for (const T element : tensor.as<T>()) extents.emplace_back(static_cast<std::int64_t>(element));
  return extents;
}

/// What a hostile model could make of an output.
void check_extents(const Node& node, const SymbolicShape& shape) {
  if (shape.rank() > Shape::max_rank)
    node_error(node, "its output has more than " + std::to_string(Shape::max_rank) + " dimensions");
  for (const Dim& dim : shape.dims)
    if (dim.known() && dim.value() < 0) node_error(node, "an extent of its output is negative: " + to_string(shape));
  if (is_absurd(shape)) node_error(node, "its output is too large: " + to_string(shape));
}

}  // namespace

bool is_absurd(const SymbolicShape& shape) {
  std::vector<std::int64_t> known;
  for (const Dim& dim : shape.dims)
    if (dim.known()) known.push_back(std::max<std::int64_t>(dim.value(), 1));
  const std::optional<std::int64_t> elements = checked_product(known);
  return !elements || *elements > largest_bytes;
}

void node_error(const Node& node, std::string why, std::string remedy) {
  reject("node " + node.name + " (" + node.op + ")", std::move(why), std::move(remedy));
}

std::size_t normalised_axis(const Node& node, std::int64_t axis, std::size_t rank) {
  const auto limit = static_cast<std::int64_t>(rank);
  if (axis < -limit || axis >= limit)
    node_error(node, "axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  return static_cast<std::size_t>(axis < 0 ? axis + limit : axis);
}

const Value& input_value(const Graph& graph, const Node& node, std::size_t index) {
  if (!node.has_input(index)) node_error(node, "input " + std::to_string(index) + " is missing");
  return graph.value(node.input(index));
}

void set_output(Graph& graph, const Node& node, std::size_t index, DataType type, SymbolicShape shape) {
  if (index >= node.outputs.size() || node.outputs[index] == no_value) return;
  check_extents(node, shape);
  Value& output = graph.value(node.outputs[index]);
  output.type = type;
  output.shape = std::move(shape);
  output.extents.reset();
}

void set_extents(Graph& graph, const Node& node, std::vector<Dim> extents) {
  if (node.outputs.empty() || static_cast<std::int64_t>(extents.size()) > max_extents) return;
  graph.value(node.outputs[0]).extents = std::move(extents);
}

std::optional<std::vector<Dim>> extents_of(const Graph& graph, ValueId id) {
  if (id == no_value) return std::nullopt;
  const Value& value = graph.value(id);
  return value.is_constant() ? extents_of(value.constant) : value.extents;
}

std::optional<std::vector<Dim>> extents_of(const Tensor& tensor) {
  if (tensor.shape().rank() > 1 || tensor.shape().elements() > max_extents) return std::nullopt;
  switch (tensor.type()) {
    case DataType::i64: return read_extents<std::int64_t>(tensor);
    case DataType::s32: return read_extents<std::int32_t>(tensor);
    case DataType::boolean: return read_extents<bool>(tensor);
    default: return std::nullopt;
  }
}

std::optional<std::vector<std::int64_t>> integers_of(const Graph& graph, ValueId id) {
  const auto extents = extents_of(graph, id);
  if (!extents) return std::nullopt;
  std::vector<std::int64_t> integers;
  for (const Dim& extent : *extents) {
    if (!extent.known()) return std::nullopt;
    integers.push_back(extent.value());
  }
  return integers;
}

void infer_binary_extents(Graph& graph, const Node& node, Dim (*combine)(const Dim& a, const Dim& b)) {
  const auto a = extents_of(graph, node.input(0));
  const auto b = extents_of(graph, node.input(1));
  if (!a || !b || a->empty() || b->empty()) return;
  const std::size_t count = std::max(a->size(), b->size());
  std::vector<Dim> extents;
  for (std::size_t i = 0; i < count; ++i)
    extents.push_back(combine((*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]));
  set_extents(graph, node, std::move(extents));
}

void pass_extents(Graph& graph, const Node& node) {
  auto extents = extents_of(graph, node.input(0));
  if (extents && graph.value(node.outputs[0]).shape.rank() <= 1) set_extents(graph, node, std::move(*extents));
}

std::int64_t integer_at(const TensorView& tensor, std::int64_t i) noexcept {
  const auto index = static_cast<std::size_t>(i);
  return tensor.type == DataType::s32 ? tensor.as<std::int32_t>()[index] : tensor.as<std::int64_t>()[index];
}

Dim broadcast_dim(const Node& node, const Dim& a, const Dim& b) {
  if (a == b || b == Dim(1)) return a;
  if (a == Dim(1)) return b;
  if (a.known() && b.known())
    node_error(node, "extents " + to_string(a) + " and " + to_string(b) + " do not broadcast");
  // A number above 1 can only meet the same number or 1 behind the symbol.
  if (a.known()) return a;
  if (b.known()) return b;
  return {};
}

SymbolicShape broadcast_shape(const Node& node, const SymbolicShape& a, const SymbolicShape& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::vector<Dim> dims(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const Dim from_a = i < a.rank() ? a.dims[a.rank() - 1 - i] : Dim(1);
    const Dim from_b = i < b.rank() ? b.dims[b.rank() - 1 - i] : Dim(1);
    dims[rank - 1 - i] = broadcast_dim(node, from_a, from_b);
  }
  return SymbolicShape(std::move(dims));
}

Strides dense_strides(const Shape& shape) noexcept {
  return broadcast_strides(shape, shape);
}

Strides broadcast_strides(const Shape& operand, const Shape& target) noexcept {
  Strides strides{};
  std::int64_t step = 1;
  for (std::size_t i = 0; i < operand.rank() && i < target.rank(); ++i) {
    const std::int64_t extent = operand.back(i);
    strides[target.rank() - 1 - i] = extent == 1 ? 0 : step;
    step *= extent;
  }
  return strides;
}

}  // namespace tessera
