// Concrete extents for a graph with symbolic shapes: asked for by name or as given inputs have them; and seeded inputs.
#include <algorithm>
#include <optional>
#include <set>

#include "core/checked_size.hpp"
#include "core/error.hpp"
#include "cpu/memory_limit.hpp"
#include "engine/model_impl.hpp"
#include "models/inputs.hpp"

namespace tessera {
namespace {

constexpr std::int64_t default_batch = 1, default_sequence = 128, default_image_side = 224;

/// What an axis of an input usually means, by the shape it stands in.
const char* role_of(std::size_t rank, std::size_t axis) {
  if (axis == 0) return "batch";
  if (rank <= 3 && axis == 1) return "seq";
  return "side";
}

std::int64_t default_extent(const std::string& role) {
  if (role == "batch") return default_batch;
  return role == "seq" ? default_sequence : default_image_side;
}

/// How far the numbers of a node that counts positions reach, behind whatever moves, casts or adds a number to them;
/// nothing where the value is something else. Shapes are bound.
std::optional<std::int64_t> positions_in(const Graph& graph, const Uses& uses, ValueId id) {
  std::int64_t offset = 0;
  while (id != no_value && uses.producer(id) >= 0) {
    const Node& node = graph.nodes[static_cast<std::size_t>(uses.producer(id))];
    const auto& dims = graph.value(id).shape.dims;
    if (node.op == "Range" && dims.size() == 1 && dims[0].known()) return dims[0].value() + offset;
    const bool moves = node.op == "Cast" || node.op == "Unsqueeze" || node.op == "Reshape" || node.op == "Expand";
    if (node.op == "Add" && graph.value(node.input(1)).is_constant()) {
      const Tensor& added = graph.value(node.input(1)).constant;
      if (added.type() != DataType::i64 || added.shape().elements() != 1) return std::nullopt;
      offset += added.as<std::int64_t>()[0];
    } else if (!moves) {
      return std::nullopt;
    }
    id = node.input(0);
  }
  return std::nullopt;
}

/// The table that positions reach beyond, as "node X: its table ends at 64"; empty where they all fit.
std::string table_too_short(const Graph& bound) {
  if (std::ranges::none_of(bound.nodes, [](const Node& node) { return node.op == "Range"; })) return {};
  const Uses uses(bound);
  for (const Node& node : bound.nodes) {
    if (node.op != "Gather" || node.attribute_or<std::int64_t>("axis", 0) != 0) continue;
    const auto& table = bound.value(node.input(0)).shape.dims;
    if (table.empty() || !table[0].known()) continue;
    const auto positions = positions_in(bound, uses, node.input(1));
    if (positions && *positions > table[0].value())
      return "node " + node.name + ": its table of positions ends at " + std::to_string(table[0].value());
  }
  return {};
}

bool can_be_bound(const Graph& graph, std::span<const Binding> bindings) {
  Graph bound = graph;
  try {
    bind_shapes(bound, bindings);
    return table_too_short(bound).empty();
  } catch (const Error&) {
    return false;
  }
}

/// A model whose table of positions ends before the usual length gets the longest sequences that it takes. Where no
/// length will do the usual one stays, whose error says why.
void shorten_sequences(const Graph& graph, std::vector<Binding>& bindings, const std::vector<std::size_t>& assumed) {
  if (can_be_bound(graph, bindings)) return;
  std::vector<Binding> shorter = bindings;
  const auto takes = [&](std::int64_t length) {
    for (const std::size_t i : assumed) shorter[i].extent = length;
    return can_be_bound(graph, shorter);
  };
  std::int64_t longest = 0, too_long = default_sequence;
  while (too_long - longest > 1) {
    const std::int64_t middle = longest + (too_long - longest) / 2;
    (takes(middle) ? longest : too_long) = middle;
  }
  if (longest == 0) return;
  for (const std::size_t i : assumed) bindings[i].extent = longest;
}

}  // namespace

void refuse_long_sequences(const Graph& bound) {
  if (const std::string why = table_too_short(bound); !why.empty())
    reject("sequence length", why, "use shorter sequences (--seq)");
}

std::vector<Binding> bindings_for(const Graph& graph, const std::map<std::string, std::int64_t>& extents) {
  std::vector<Binding> bindings;
  std::vector<std::size_t> assumed;  // bindings that are a sequence nobody gave a length
  std::set<std::string> known;
  for (const ValueId id : graph.inputs) {
    const std::vector<Dim>& dims = graph.value(id).shape.dims;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      if (!dims[axis].symbolic() || !known.insert(dims[axis].symbol()).second) continue;
      const std::string& symbol = dims[axis].symbol();
      const std::string role = role_of(dims.size(), axis);
      std::int64_t extent = default_extent(role);
      const auto generic = extents.find(role), exact = extents.find(symbol);
      if (generic != extents.end()) extent = generic->second;
      if (exact != extents.end()) extent = exact->second;
      if (extent < 1)
        reject("extent " + symbol, std::to_string(extent) + " is not positive", "give a number of at least 1");
      if (role == "seq" && generic == extents.end() && exact == extents.end()) assumed.push_back(bindings.size());
      bindings.push_back({symbol, extent});
    }
  }
  if (!assumed.empty()) shorten_sequences(graph, bindings, assumed);
  return bindings;
}

std::vector<Binding> bindings_of(const Graph& graph, const TensorMap& inputs, const std::string& subject) {
  std::vector<Binding> bindings;
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    const auto given = inputs.find(value.name);
    if (given == inputs.end())
      reject(subject, "no data for input " + value.name, "name the arrays as the model names its inputs");
    const Shape& shape = given->second.shape();
    if (given->second.type() != value.type || shape.rank() != value.shape.rank())
      reject(subject, "data for " + value.name + " is " + std::string(name_of(given->second.type())) + " " +
                          to_string(shape) + ", the model takes " + std::string(name_of(value.type)) + " " +
                          to_string(value.shape));
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (!value.shape.dims[axis].symbolic()) continue;
      const std::string& symbol = value.shape.dims[axis].symbol();
      const auto known = std::ranges::find_if(bindings, [&](const Binding& b) { return b.symbol == symbol; });
      if (known == bindings.end())
        bindings.push_back({symbol, shape[axis]});
      else if (known->extent != shape[axis])
        reject(subject, "extent " + symbol + " is " + std::to_string(known->extent) + " and, in " + value.name + ", " +
                            std::to_string(shape[axis]));
    }
  }
  return bindings;
}

void require_memory_for(const Graph& graph, const std::vector<ValueId>& ids, const std::string& kind) {
  for (const ValueId id : ids) {
    const Value& value = graph.value(id);
    const std::string what = kind + value.name + " of shape " + to_string(value.shape);
    require_memory(checked_bytes(value.shape.to_shape(), value.type, what), what);
  }
}

TensorMap make_random_inputs(const Graph& graph, std::span<const Binding> bindings, std::uint64_t seed) {
  Graph bound = graph;
  bind_shapes(bound, bindings);
  require_memory_for(bound, bound.inputs, "input ");
  std::vector<Tensor> tensors = random_inputs(bound, seed);
  TensorMap inputs;
  for (std::size_t i = 0; i < tensors.size(); ++i) inputs[bound.value(bound.inputs[i]).name] = std::move(tensors[i]);
  return inputs;
}

}  // namespace tessera
