// ONNX files all the way: read, rewritten, planned and run. Everything may refuse with an Error and nothing else; what
// runs gives the same bits on two tiers, with the items of its batch together and apart. Files are changed as models
// (onnx_mutator.hpp), so that most get past the reader. What a file is run as (as it is, in BF16, with INT8 that needs
// no data, node by node) follows from its bytes.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/error.hpp"
#include "formats/onnx_reader.hpp"
#include "graph/graph.hpp"
#include "models/inputs.hpp"
#include "onnx_mutator.hpp"
#include "ops/op.hpp"
#include "passes/bf16.hpp"
#include "passes/pass.hpp"
#include "plan_runs.hpp"
#include "quantize/dynamic.hpp"

namespace {

using tessera::Binding;
using tessera::Graph;
using tessera::Isa;
using tessera::Tensor;
namespace fuzzing = tessera::fuzzing;

enum class Way : std::uint8_t { as_it_is, bf16, int8_dynamic, node_by_node };

std::uint32_t hash(std::span<const std::uint8_t> bytes) {
  std::uint32_t hash = 2166136261U;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 16777619U;
  return hash >> 8U;
}

Graph graph_of(std::span<const std::uint8_t> bytes, Way way) {
  Graph graph = tessera::parse_onnx(std::as_bytes(bytes), "input.onnx", "");
  tessera::infer_shapes(graph);
  if (way == Way::node_by_node) return graph;
  tessera::run_passes(graph, tessera::default_passes(), nullptr);
  if (way == Way::bf16) tessera::convert_to_bf16(graph);
  if (way == Way::int8_dynamic) tessera::quantize_linear_weights(graph);
  graph.validate();
  return graph;
}

/// The outputs; nothing where the plan or the numbers are refused.
std::optional<std::vector<Tensor>> outputs_of(const Graph& graph, const std::vector<Binding>& extents,
                                              const std::vector<Tensor>& inputs, Isa isa, bool apart) {
  try {
    return fuzzing::run_plan(graph, extents, inputs, isa, apart);
  } catch (const tessera::Error&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzzing::mutate_onnx(data, size, most, seed);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* one, std::size_t one_size,
                                                 const std::uint8_t* other, std::size_t other_size,
                                                 std::uint8_t* joined, std::size_t most, unsigned seed) {
  return fuzzing::join_onnx({one, one_size}, {other, other_size}, joined, most, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(data, size);
  const std::uint32_t choice = hash(bytes);
  const auto way = static_cast<Way>(choice % 4);
  try {
    const Graph graph = graph_of(bytes, way);
    const std::vector<Binding> extents = fuzzing::small_extents(graph);
    Graph bound = graph;
    tessera::bind_shapes(bound, extents);
    if (!fuzzing::is_small(bound)) return 0;
    const std::vector<Tensor> inputs = tessera::random_inputs(bound, choice);

    const auto expected = outputs_of(graph, extents, inputs, Isa::avx2, false);
    // BF16 sums are those of the tier; everything else is the same on all of them.
    const std::vector<Isa>& tiers = fuzzing::tiers_here();
    const Isa isa = way == Way::bf16 ? Isa::avx2 : tiers[choice / 4 % tiers.size()];
    const auto actual = outputs_of(graph, extents, inputs, isa, choice / 64 % 2 == 0);
    fuzzing::require(expected.has_value() == actual.has_value());
    if (expected) fuzzing::require_same(*actual, *expected);
  } catch (const tessera::Error&) {
    // A refusal in words is the right answer to most inputs.
  }
  return 0;
}
