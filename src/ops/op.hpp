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

/// Whether an op computes the items of a batch apart from each other, as far as its attributes and inputs allow. The
/// conditions of each rule are in batch_items.cpp, which reads the shapes of a whole graph.
enum class ItemRule : std::uint8_t {
  unstated,           ///< nobody has said: a test fails
  mixes,              ///< the op may mix items, or nobody has shown that it does not
  first_input,        ///< input 0 in its order, element by element or item by item; all other inputs are shared
  reshape,            ///< input 0 in its order, under a shape that input 1 gives
  expand,             ///< input 0 stretched to a shape that input 1 gives
  broadcast,          ///< all inputs, element by element, under NumPy broadcasting
  convolution,        ///< X by item; weights and bias are shared
  product,            ///< a matrix product
  attention,          ///< Q, K, V by item
  inner_axis,         ///< along attribute axis, which is not the first
  inner_axes,         ///< along the axes that attribute axes or input 1 gives, none of them the first
  sliced_axes,        ///< the same where input 3 names the axes (Slice)
  constant_of_shape,  ///< made of nothing but a shape and a number
  quantization,       ///< per tensor, or along an axis that is not the first
  transpose,          ///< the first axis stays the first
  gather,             ///< rows of a shared table, or along an inner axis
  concat,             ///< parts that are all by item, joined along an inner axis
};

/// What an op is to the passes and the plan.
enum class OpKind : std::uint8_t {
  other,
  view,           ///< the elements in their order under another shape
  movement,       ///< elements of its inputs in other places
  elementwise,    ///< every output element from the input elements at its place
  product,        ///< sums of products with weights, or of two computed operands
  pool,           ///< reduces windows of an image
  reduction,      ///< reduces axes
  normalisation,  ///< scales along an axis by what it finds there
};

/// What an op makes of u8 and s8 elements.
enum class Codes : std::uint8_t {
  numbers,  ///< integers are integers, whatever scale a neighbour reads them by
  passes,   ///< the op hands elements of its input on: both ends stand for reals in the same way, and the op need not
            ///< know in which
  reals,    ///< integers that carry a Quantization stand for reals; kernels convert them
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
  ItemRule by_item = ItemRule::unstated;
  OpKind kind = OpKind::other;
  Codes codes = Codes::numbers;
  int since = 1;  ///< the first ONNX operator set that has the op; 0: Tessera's own
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
