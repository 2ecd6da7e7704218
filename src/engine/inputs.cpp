// Concrete extents and seeded inputs for a graph with symbolic shapes.
#include <set>

#include "core/error.hpp"
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

}  // namespace

std::vector<Binding> bindings_for(const Graph& graph, const std::map<std::string, std::int64_t>& extents) {
  std::vector<Binding> bindings;
  std::set<std::string> known;
  for (const ValueId id : graph.inputs) {
    const std::vector<Dim>& dims = graph.value(id).shape.dims;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      if (!dims[axis].symbolic() || !known.insert(dims[axis].symbol()).second) continue;
      const std::string& symbol = dims[axis].symbol();
      const std::string role = role_of(dims.size(), axis);
      std::int64_t extent = default_extent(role);
      if (const auto generic = extents.find(role); generic != extents.end()) extent = generic->second;
      if (const auto exact = extents.find(symbol); exact != extents.end()) extent = exact->second;
      if (extent < 1)
        reject("extent " + symbol, std::to_string(extent) + " is not positive", "give a number of at least 1");
      bindings.push_back({symbol, extent});
    }
  }
  return bindings;
}

TensorMap make_random_inputs(const Graph& graph, std::span<const Binding> bindings, std::uint64_t seed) {
  Graph bound = graph;
  bind_shapes(bound, bindings);
  std::vector<Tensor> tensors = random_inputs(bound, seed);
  TensorMap inputs;
  for (std::size_t i = 0; i < tensors.size(); ++i) inputs[bound.value(bound.inputs[i]).name] = std::move(tensors[i]);
  return inputs;
}

}  // namespace tessera
