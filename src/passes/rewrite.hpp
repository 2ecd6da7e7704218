// Rewriter: how a pass changes a graph.
//
// Every rewrite replaces the last node of its pattern, in its place. All that the pattern reads is computed before that
// place, so the topological order holds without sorting and no cycle can arise; and the result keeps its ValueId, its
// name and its users. The nodes in front fall dead and are swept away. Nobody may
// miss them: before a pass fuses a value away it asks may_vanish(value), which is true if no other node reads it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"
#include "passes/pass.hpp"

namespace tessera::passes {

class Rewriter {
 public:
  Rewriter(Graph& graph, std::string_view pass, std::vector<PassNote>& notes);
  ~Rewriter();
  Rewriter(const Rewriter&) = delete;
  Rewriter& operator=(const Rewriter&) = delete;

  [[nodiscard]] const Graph& graph() const noexcept { return graph_; }
  [[nodiscard]] const Uses& uses() const noexcept { return uses_; }

  /// Node indices stay valid until the Rewriter is gone, except that expand() moves what comes after its node. A swept
  /// node has an empty op, so it matches nothing.
  [[nodiscard]] std::size_t size() const noexcept { return graph_.nodes.size(); }
  [[nodiscard]] const Node& node(std::size_t index) const { return graph_.nodes[index]; }
  [[nodiscard]] std::size_t index_of(const Node& node) const {
    return static_cast<std::size_t>(&node - graph_.nodes.data());
  }

  /// The node that computes `value` when it has that op, else null (also for no_value).
  [[nodiscard]] const Node* producer(ValueId value, std::string_view op) const;
  /// The only node that reads `value` when it has that op and the value is no graph output, else null.
  [[nodiscard]] const Node* only_consumer(ValueId value, std::string_view op) const;
  /// Whether the value has one use and is no graph output, so that it may vanish in a fusion; if not, `decline` says so
  /// for `at`.
  bool may_vanish(const Node& at, ValueId value);

  /// A new constant, named after `name`.
  ValueId add_constant(const std::string& name, Tensor tensor);
  /// A new value for a node of expand(); its shape is left to inference.
  ValueId add_value(const std::string& name, DataType type);

  /// What replace() puts in the place of a node. The name is that of the node that does the work (the Conv, not the
  /// Relu behind it), so that reports speak of layers; it must be a node that falls dead, or the replaced one.
  struct Fused {
    std::string op, name;
    std::vector<ValueId> inputs;
    Attributes attributes;
  };
  /// Puts `fused` in the place of node `index` with that node's outputs, sweeps and notes.
  void replace(std::size_t index, Fused fused, std::string why);
  /// Puts several nodes in the place of node `index`; the last one must produce its outputs. Returns the index of the
  /// last.
  std::size_t expand(std::size_t index, std::vector<Node> nodes, std::string why);
  /// Removes node `index`, whose first output equals `source`: its readers read `source` instead. A graph output keeps
  /// its name by letting the producer of `source` write it; declined when there is no such producer.
  bool bypass(std::size_t index, ValueId source, std::string why);
  /// Makes the single output of node `index` a constant.
  void fold(std::size_t index, Tensor tensor, std::string why);
  /// For changes other than these: edits the graph directly, then sweeps and notes.
  template <typename Edit>
  void edit(std::size_t index, std::string why, const Edit& change) {
    const std::string name = node(index).name;
    change(graph_);
    sweep_all();
    applied(name, std::move(why), {});
  }

  void decline(const Node& at, std::string why);
  /// Rewrites so far.
  [[nodiscard]] int count() const noexcept { return count_; }

 private:
  /// Notes a rewrite. `unread`: values that may have lost their last reader.
  void applied(std::string node, std::string why, std::vector<ValueId> unread);
  /// Sweeps the nodes that only such values needed, and what falls dead with them.
  void sweep(std::vector<ValueId> unread);
  /// Sweeps all dead nodes, wherever they are.
  void sweep_all();

  Graph& graph_;
  std::string pass_;
  std::vector<PassNote>& notes_;
  Uses uses_;
  int count_ = 0;
};

}  // namespace tessera::passes
