// Concrete extents and seeded inputs for a graph with symbolic shapes.
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

bool can_be_bound(const Graph& graph, std::span<const Binding> bindings) {
  Graph bound = graph;
  try {
    bind_shapes(bound, bindings);
    return true;
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
