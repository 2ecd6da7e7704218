#include "passes/bf16.hpp"

#include <array>
#include <map>
#include <string_view>
#include <vector>

namespace tessera {
namespace {

constexpr std::int64_t onnx_bfloat16 = 16;  // TensorProto.DataType

template <std::size_t N>
bool one_of(std::string_view op, const std::array<std::string_view, N>& list) {
  for (const std::string_view candidate : list)
    if (candidate == op) return true;
  return false;
}

/// A dense value under another shape: its output has whatever type its input has.
bool is_view(const Node& node) {
  return one_of(node.op, std::array<std::string_view, 5>{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"});
}

/// Whether input `i` of the node is worth bf16: the operands of products, and what convolutions add.
bool wants_bf16(const Node& node, std::size_t i) {
  if (node.op == "FusedConv") return i == 0 || i == 3;
  if (node.op == "FusedMatMul") return i == 0;
  if (node.op == "FusedAttention") return i < 3;
  return false;
}

/// Whether the node needs bf16 there: a kernel multiplies bf16 with bf16 only.
bool requires_bf16(const Node& node, std::size_t i) {
  return wants_bf16(node, i) && !(node.op == "FusedConv" && i == 3);
}

bool reads_bf16(const Node& node, std::size_t i) {
  if (wants_bf16(node, i)) return true;
  if (node.op == "FusedMatMul") return i == 3;
  return i == 0 &&
         (is_view(node) || node.op == "LayerNormalization" || node.op == "RMSNormalization" || node.op == "FusedGate" ||
          node.op == "MaxPool" || node.op == "AveragePool" || node.op == "GlobalAveragePool");
}

class Conversion {
 public:
  explicit Conversion(Graph& graph) : graph_(graph), uses_(graph), wanted_(graph.values.size()) {}

  void run() {
    find_wanted();
    choose_types();
    insert_casts();
  }

 private:
  void find_wanted() {
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
      const bool passes_on =
          wanted_[static_cast<std::size_t>(node->outputs[0])] && (is_view(*node) || is_rounded_pool(*node));
      for (std::size_t i = 0; i < node->inputs.size(); ++i)
        if (node->has_input(i) && (wants_bf16(*node, i) || (i == 0 && passes_on)))
          wanted_[static_cast<std::size_t>(node->inputs[i])] = true;
    }
  }

  /// The largest of rounded numbers is the largest number, rounded: half the bytes before such a pool, and the same
  /// bits.
  bool is_rounded_pool(const Node& node) const { return node.op == "MaxPool" && all_read_bf16(node.outputs[0]); }

  bool all_read_bf16(ValueId id) const {
    if (uses_.is_output(id)) return false;
    for (const int consumer : uses_.consumers(id)) {
      const Node& node = graph_.nodes[static_cast<std::size_t>(consumer)];
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] != id) continue;
        // A view passes bf16 on, so whatever reads the view must read it too.
        if (!reads_bf16(node, i) || (is_view(node) && !all_read_bf16(node.outputs[0]))) return false;
      }
    }
    return true;
  }

  void choose_types() {
    for (const Node& node : graph_.nodes) {
      Value& out = graph_.value(node.outputs[0]);
      if (out.type != DataType::f32) continue;
      if (is_view(node)) {
        out.type = graph_.value(node.inputs[0]).type;
      } else if (can_write_bf16(node) && wanted_[static_cast<std::size_t>(node.outputs[0])] &&
                 all_read_bf16(node.outputs[0])) {
        out.type = DataType::bf16;
      }
    }
  }

  void insert_casts() {
    std::vector<Node> nodes;
    std::map<ValueId, ValueId> casts;
    for (Node& node : graph_.nodes) {
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const ValueId id = node.input(i);
        if (id == no_value || !requires_bf16(node, i) || graph_.value(id).type != DataType::f32) continue;
        auto [entry, fresh] = casts.try_emplace(id, no_value);
        if (fresh) {
          const Value source = graph_.value(id);
          entry->second = graph_.add_value(source.name + "_bf16", DataType::bf16, source.shape);
          nodes.push_back({"Cast", source.name + "_to_bf16", {id}, {entry->second}, {{"to", onnx_bfloat16}}});
        }
        node.inputs[i] = entry->second;
      }
      nodes.push_back(std::move(node));
    }
    graph_.nodes = std::move(nodes);
  }

  Graph& graph_;
  Uses uses_;
  std::vector<bool> wanted_;
};

}  // namespace

bool can_write_bf16(const Node& node) {
  return one_of(node.op, std::array<std::string_view, 9>{"FusedConv", "FusedMatMul", "FusedAttention", "FusedGate",
                                                         "LayerNormalization", "RMSNormalization", "MaxPool",
                                                         "AveragePool", "GlobalAveragePool"});
}

void convert_to_bf16(Graph& graph) {
  Conversion(graph).run();
}

}  // namespace tessera
