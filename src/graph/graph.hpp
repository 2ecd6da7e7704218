// Graph: values connected by nodes that carry ONNX op names. The one representation that readers make, passes rewrite,
// the plan consumes and the ONNX writer writes.
//
// Values are referred to by index (ValueId). A value is a graph input, a constant (an ONNX initializer), or the output
// of exactly one node. `nodes` is in topological order at all times: a pass that inserts a node puts it before its
// consumers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.hpp"
#include "graph/attribute.hpp"
#include "graph/dim.hpp"
#include "tessera/data_type.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

using ValueId = std::int32_t;
inline constexpr ValueId no_value = -1;  ///< an omitted optional input

/// How integers stand for reals: real = scale * (q - zero_point).
struct Quantization {
  std::vector<float> scale;              ///< one entry (per tensor) or one per extent of `axis`
  std::vector<std::int32_t> zero_point;  ///< as long as scale
  int axis = -1;                         ///< -1: per tensor

  [[nodiscard]] bool per_tensor() const noexcept { return axis < 0; }
  friend bool operator==(const Quantization&, const Quantization&) = default;
};

struct Value {
  std::string name;
  DataType type = DataType::f32;
  SymbolicShape shape;
  /// The elements of a constant; empty for everything computed at run time.
  Tensor constant;
  /// Set on u8/s8 values whose Quantize/Dequantize nodes have been folded into their producer and consumers.
  std::optional<Quantization> quantization;
  /// For small integer vectors computed from shapes (Shape, Gather, Concat ...): the elements as extents.
  std::optional<std::vector<Dim>> extents;

  [[nodiscard]] bool is_constant() const noexcept { return !constant.empty(); }
};

struct Node {
  std::string op;    ///< ONNX op name, or one of Tessera's fused ops (FusedConv, FusedMatMul, FusedAttention)
  std::string name;  ///< for messages and reports; unique, made up by the reader where the file has none
  std::vector<ValueId> inputs;  ///< no_value for an omitted optional input; trailing ones are dropped
  std::vector<ValueId> outputs;
  Attributes attributes;

  [[nodiscard]] ValueId input(std::size_t i) const noexcept { return i < inputs.size() ? inputs[i] : no_value; }
  [[nodiscard]] bool has_input(std::size_t i) const noexcept { return input(i) != no_value; }

  /// The attribute, or null where the node has none. Error{invalid} naming node, op and attribute if the type differs.
  template <typename T>
  [[nodiscard]] const T* find_attribute(std::string_view key) const;
  /// A copy of the attribute, or `fallback` where the node has none. Lists and strings: find_attribute copies nothing.
  template <typename T>
  [[nodiscard]] T attribute_or(std::string_view key, T fallback) const;
};

class Graph {
 public:
  std::string name;
  std::int64_t opset = 17;  ///< ONNX operator set version the ops follow
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

  [[nodiscard]] Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  /// The value of that name, or no_value.
  [[nodiscard]] ValueId find(std::string_view value_name) const noexcept;

  /// Adds a value; a name that is taken gets a numeric suffix.
  ValueId add_value(std::string value_name, DataType type, SymbolicShape shape = {});
  ValueId add_constant(std::string value_name, Tensor tensor);
  ValueId add_input(std::string value_name, DataType type, SymbolicShape shape);
  /// Appends a node whose single output is a new value named after the node, and returns that value.
  ValueId append(std::string op, std::string node_name, std::vector<ValueId> node_inputs, Attributes attributes = {});

  /// Drops nodes whose outputs nobody uses and values nobody refers to; ids change.
  void remove_unused();
  /// Error{failed} naming the node that breaks an invariant (order, single producer, ids in range).
  void validate() const;

 private:
  /// The names that values have, so that a free one is found at once however many there are. A copy begins without and
  /// learns them when it is asked for a name.
  struct ValueNames {
    ValueNames() = default;
    ValueNames(const ValueNames&) noexcept {}
    ValueNames& operator=(const ValueNames&) noexcept {
      clear();
      return *this;
    }
    void clear() noexcept {
      next_suffix.clear();
      known = 0;
    }
    std::unordered_map<std::string, int>
        next_suffix;        ///< by name: what to try behind it for the next value of that name
    std::size_t known = 0;  ///< values whose names are in it
  };
  std::string unique_name(std::string wanted);

  ValueNames names_;
};

/// Producer and consumers of every value: a snapshot, stale after the graph changes unless it is told how.
class Uses {
 public:
  explicit Uses(const Graph& graph) { take_again(graph); }
  /// The graph as it is now.
  void take_again(const Graph& graph);
  /// Node `index` is about to change or go, and has changed: as much work as it has inputs and they have readers.
  void forget(const Graph& graph, std::size_t index);
  void learn(const Graph& graph, std::size_t index);

  /// Index into graph.nodes, or -1 for inputs and constants.
  [[nodiscard]] int producer(ValueId id) const { return producer_[static_cast<std::size_t>(id)]; }
  /// Indices into graph.nodes, in their order, a node once per use.
  [[nodiscard]] std::span<const int> consumers(ValueId id) const { return readers_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] bool is_output(ValueId id) const { return is_output_[static_cast<std::size_t>(id)]; }
  /// Exactly one consumer and no graph output: the value may disappear in a fusion.
  [[nodiscard]] bool single_use(ValueId id) const { return consumers(id).size() == 1 && !is_output(id); }

 private:
  void grow(std::size_t values);

  std::vector<int> producer_;
  std::vector<std::vector<int>> readers_;  ///< by value
  std::vector<bool> is_output_;
};

/// A listing that a person can read: inputs, one line per node with types and shapes, outputs.
std::string to_text(const Graph& graph);

template <typename T>
const T* Node::find_attribute(std::string_view key) const {
  const auto found = attributes.find(key);
  if (found == attributes.end()) return nullptr;
  if (const T* held = std::get_if<T>(&found->second)) return held;
  reject("node " + name + " (" + op + ")", "attribute " + std::string(key) + " has an unexpected type",
         "re-export the model");
}

template <typename T>
T Node::attribute_or(std::string_view key, T fallback) const {
  const T* held = find_attribute<T>(key);
  return held != nullptr ? *held : fallback;
}

}  // namespace tessera
