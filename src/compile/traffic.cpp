#include "compile/traffic.hpp"

#include <algorithm>
#include <set>

namespace tessera {
namespace {

std::int64_t bytes_of(const Value& value, bool multiplies_bf16) {
  if (!value.shape.concrete()) return 0;
  const Shape shape = value.shape.to_shape();
  const bool narrowed = multiplies_bf16 && value.is_constant() && value.type == DataType::f32 && shape.rank() >= 2;
  return shape.elements() * static_cast<std::int64_t>(size_of(narrowed ? DataType::bf16 : value.type));
}

}  // namespace

std::int64_t least_bytes(const Graph& graph, const Node& node) {
  const bool multiplies_bf16 = node.has_input(0) && graph.value(node.input(0)).type == DataType::bf16;
  std::int64_t written = 0, read = 0;
  for (const ValueId id : node.outputs)
    if (id != no_value) written += bytes_of(graph.value(id), multiplies_bf16);
  for (const ValueId id : std::set(node.inputs.begin(), node.inputs.end())) {
    if (id == no_value) continue;
    const std::int64_t bytes = bytes_of(graph.value(id), multiplies_bf16);
    const bool is_table = node.op == "Gather" && id == node.input(0);
    read += is_table ? std::min(bytes, written) : bytes;
  }
  return read + written;
}

}  // namespace tessera
