#include "passes/rewrite.hpp"

#include <algorithm>
#include <utility>

namespace tessera::passes {

Rewriter::Rewriter(Graph& graph, std::string_view pass, std::vector<PassNote>& notes)
    : graph_(graph), pass_(pass), notes_(notes), uses_(graph) {}

Rewriter::~Rewriter() {
  std::erase_if(graph_.nodes, [](const Node& node) { return node.op.empty(); });
}

const Node* Rewriter::producer(ValueId value, std::string_view op) const {
  if (value == no_value) return nullptr;
  const int index = uses_.producer(value);
  if (index < 0) return nullptr;
  const Node& node = graph_.nodes[static_cast<std::size_t>(index)];
  return node.op == op && node.outputs.front() == value ? &node : nullptr;
}

const Node* Rewriter::only_consumer(ValueId value, std::string_view op) const {
  if (value == no_value || !uses_.single_use(value)) return nullptr;
  const Node& node = graph_.nodes[static_cast<std::size_t>(uses_.consumers(value).front())];
  return node.op == op ? &node : nullptr;
}

bool Rewriter::may_vanish(const Node& at, ValueId value) {
  if (uses_.single_use(value)) return true;
  const std::string& name = graph_.value(value).name;
  decline(at, uses_.is_output(value) ? name + " is a graph output" : name + " is used elsewhere");
  return false;
}

ValueId Rewriter::add_constant(const std::string& name, Tensor tensor) {
  return graph_.add_constant(name, std::move(tensor));
}

ValueId Rewriter::add_value(const std::string& name, DataType type) {
  return graph_.add_value(name, type);
}

void Rewriter::replace(std::size_t index, Fused fused, std::string why) {
  Node& node = graph_.nodes[index];
  while (!fused.inputs.empty() && fused.inputs.back() == no_value) fused.inputs.pop_back();
  uses_.forget(graph_, index);
  std::vector<ValueId> unread = std::exchange(node.inputs, std::move(fused.inputs));
  node.op = std::move(fused.op);
  node.name = std::move(fused.name);
  node.attributes = std::move(fused.attributes);
  uses_.learn(graph_, index);
  applied(node.name, std::move(why), std::move(unread));
}

std::size_t Rewriter::expand(std::size_t index, std::vector<Node> nodes, std::string why) {
  const std::string name = nodes.back().name;
  const std::size_t last = index + nodes.size() - 1;
  const auto at = graph_.nodes.erase(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(index));
  graph_.nodes.insert(at, std::make_move_iterator(nodes.begin()), std::make_move_iterator(nodes.end()));
  sweep_all();
  applied(name, std::move(why), {});
  return last;
}

bool Rewriter::bypass(std::size_t index, ValueId source, std::string why) {
  Node& node = graph_.nodes[index];
  const std::string name = node.name;
  ValueId from = node.outputs.front();
  ValueId to = source;
  if (uses_.is_output(from)) {
    const int producer = uses_.producer(source);
    if (producer < 0 || uses_.is_output(source)) {
      decline(node, graph_.value(from).name + " is a graph output that nothing else can produce");
      return false;
    }
    uses_.forget(graph_, index);
    uses_.forget(graph_, static_cast<std::size_t>(producer));
    auto& outputs = graph_.nodes[static_cast<std::size_t>(producer)].outputs;
    std::replace(outputs.begin(), outputs.end(), source, from);
    uses_.learn(graph_, static_cast<std::size_t>(producer));
    std::swap(from, to);
  } else {
    uses_.forget(graph_, index);
  }
  std::vector<ValueId> unread = std::move(node.inputs);
  node = Node{};
  const std::vector<int> readers(uses_.consumers(from).begin(), uses_.consumers(from).end());
  for (const int reader : readers) {
    uses_.forget(graph_, static_cast<std::size_t>(reader));
    std::vector<ValueId>& inputs = graph_.nodes[static_cast<std::size_t>(reader)].inputs;
    std::replace(inputs.begin(), inputs.end(), from, to);
    uses_.learn(graph_, static_cast<std::size_t>(reader));
  }
  applied(name, std::move(why), std::move(unread));
  return true;
}

void Rewriter::fold(std::size_t index, Tensor tensor, std::string why) {
  Node& node = graph_.nodes[index];
  Value& value = graph_.value(node.outputs.front());
  value.type = tensor.type();
  value.shape = SymbolicShape(tensor.shape());
  value.extents.reset();
  value.constant = std::move(tensor);
  const std::string name = node.name;
  uses_.forget(graph_, index);
  std::vector<ValueId> unread = std::move(node.inputs);
  node = Node{};
  applied(name, std::move(why), std::move(unread));
}

void Rewriter::decline(const Node& at, std::string why) {
  notes_.push_back({at.name, pass_, false, std::move(why)});
}

void Rewriter::applied(std::string node, std::string why, std::vector<ValueId> unread) {
  notes_.push_back({std::move(node), pass_, true, std::move(why)});
  // What was dead from the start goes with the first rewrite.
  if (++count_ == 1)
    sweep_all();
  else
    sweep(std::move(unread));
}

void Rewriter::sweep(std::vector<ValueId> unread) {
  const auto needed = [&](ValueId id) {
    return id != no_value && (uses_.is_output(id) || !uses_.consumers(id).empty());
  };
  while (!unread.empty()) {
    const ValueId id = unread.back();
    unread.pop_back();
    if (id == no_value || uses_.producer(id) < 0) continue;
    const auto index = static_cast<std::size_t>(uses_.producer(id));
    Node& node = graph_.nodes[index];
    if (std::ranges::any_of(node.outputs, needed)) continue;
    uses_.forget(graph_, index);
    unread.insert(unread.end(), node.inputs.begin(), node.inputs.end());
    node = Node{};
  }
}

void Rewriter::sweep_all() {
  std::vector<bool> live(graph_.values.size(), false);
  for (const ValueId id : graph_.outputs) live[static_cast<std::size_t>(id)] = true;
  for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
    if (node->op.empty()) continue;
    const bool needed = std::ranges::any_of(
        node->outputs, [&](ValueId id) { return id != no_value && live[static_cast<std::size_t>(id)]; });
    if (!needed) {
      *node = Node{};
      continue;
    }
    for (const ValueId id : node->inputs) {
      if (id != no_value) live[static_cast<std::size_t>(id)] = true;
    }
  }
  uses_.take_again(graph_);
}

}  // namespace tessera::passes
