// Op definitions: what a node of each kind means. One file per op family holds schema, shape inference and the plain
// reference evaluation; registry.cpp lists them. The readers, constant folding, opt-level 0 and every test rely on
// these.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"

namespace tessera {

/// The types an attribute may have, in the order of the Attribute variant.
enum class AttributeKind : std::uint8_t { integer, real, string, integers, reals, tensor };

struct AttributeSpec {
  std::string_view name;
  AttributeKind kind;
};

struct OpSchema {
  std::string_view name;
  int min_inputs = 1;
  int max_inputs = 1;                     ///< -1: variadic
  int outputs = 1;                        ///< at most; -1: variadic; trailing optional outputs may be absent
  std::vector<AttributeSpec> attributes;  ///< an attribute not listed here is an error naming node, op and attribute
  /// Sets type and shape (and `extents` for shape arithmetic) of the outputs from the inputs. Throws Error naming the
  /// node.
  void (*infer)(Graph& graph, const Node& node);
  /// Computes the outputs; both sides dense row-major (NCHW), sized by shape inference. An omitted input has data ==
  /// nullptr. Allocates nothing, so that it may run inside a session. Null: only the plan's kernels can run it.
  void (*evaluate)(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs);
};

/// The definition of an op, or null.
const OpSchema* find_op(std::string_view name) noexcept;
/// Every op, sorted by name.
std::span<const OpSchema> all_ops() noexcept;

/// Error{invalid} naming the node when the op is unknown, or an attribute or the number of inputs is not supported.
void check_node(const Node& node);

/// Infers type and shape of every value from the graph inputs; symbolic where they are symbolic.
void infer_shapes(Graph& graph);

/// Gives graph inputs concrete extents: `extent_of(symbol)` for every symbol in them; then infers everything anew.
/// Error{invalid} naming the symbol when it has no binding.
struct Binding {
  std::string symbol;
  std::int64_t extent;
};
void bind_shapes(Graph& graph, std::span<const Binding> bindings);

/// Evaluates a whole graph node by node in plain code: the oracle of the passes' tests. Inputs in graph.inputs order.
std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs);

/// Plain tensors for one node, allocated from inferred shapes: used by constant folding.
std::vector<Tensor> evaluate_node(const Graph& graph, const Node& node, std::span<const Tensor> inputs);

}  // namespace tessera
