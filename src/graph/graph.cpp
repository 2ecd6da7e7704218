#include "graph/graph.hpp"

#include <algorithm>
#include <utility>

namespace tessera {

namespace {

/// wanted, wanted_1, wanted_2 ...: the first that is free.
template <typename Taken>
std::string first_free(std::string wanted, Taken taken) {
  if (!taken(wanted)) return wanted;
  for (int suffix = 1;; ++suffix) {
    std::string candidate = wanted + "_" + std::to_string(suffix);
    if (!taken(candidate)) return candidate;
  }
}

}  // namespace

ValueId Graph::find(std::string_view value_name) const noexcept {
  const auto found =
      std::find_if(values.begin(), values.end(), [&](const Value& value) { return value.name == value_name; });
  return found == values.end() ? no_value : static_cast<ValueId>(found - values.begin());
}

std::string Graph::unique_name(std::string wanted) {
  if (wanted.empty()) wanted = "value";
  if (names_.known > values.size()) names_.clear();
  for (; names_.known < values.size(); ++names_.known) names_.next_suffix.try_emplace(values[names_.known].name, 1);
  const auto taken = names_.next_suffix.find(wanted);
  if (taken == names_.next_suffix.end()) return wanted;
  for (int& suffix = taken->second;; ++suffix) {
    std::string candidate = wanted + "_" + std::to_string(suffix);
    if (!names_.next_suffix.contains(candidate)) return candidate;
  }
}

ValueId Graph::add_value(std::string value_name, DataType type, SymbolicShape shape) {
  Value added;
  added.name = unique_name(std::move(value_name));
  added.type = type;
  added.shape = std::move(shape);
  values.push_back(std::move(added));
  return static_cast<ValueId>(values.size()) - 1;
}

ValueId Graph::add_constant(std::string value_name, Tensor tensor) {
  const ValueId id = add_value(std::move(value_name), tensor.type(), SymbolicShape(tensor.shape()));
  value(id).constant = std::move(tensor);
  return id;
}

ValueId Graph::add_input(std::string value_name, DataType type, SymbolicShape shape) {
  const ValueId id = add_value(std::move(value_name), type, std::move(shape));
  inputs.push_back(id);
  return id;
}

ValueId Graph::append(std::string op, std::string node_name, std::vector<ValueId> node_inputs, Attributes attributes) {
  const auto taken = [&](const std::string& candidate) {
    return find(candidate) != no_value ||
           std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) { return node.name == candidate; });
  };
  Node node;
  node.name = first_free(node_name.empty() ? op : std::move(node_name), taken);
  node.op = std::move(op);
  node.inputs = std::move(node_inputs);
  while (!node.inputs.empty() && node.inputs.back() == no_value) node.inputs.pop_back();
  node.attributes = std::move(attributes);
  const ValueId output = add_value(node.name, DataType::f32);
  node.outputs = {output};
  nodes.push_back(std::move(node));
  return output;
}

void Graph::remove_unused() {
  std::vector<bool> used(values.size(), false);
  const auto mark = [&](const std::vector<ValueId>& ids) {
    for (const ValueId id : ids)
      if (id != no_value) used[static_cast<std::size_t>(id)] = true;
  };
  mark(inputs);
  mark(outputs);

  // Backwards, so that the consumers of a node have spoken before it is judged.
  std::vector<bool> kept(nodes.size(), false);
  for (std::size_t i = nodes.size(); i-- > 0;) {
    const Node& node = nodes[i];
    kept[i] = std::any_of(node.outputs.begin(), node.outputs.end(),
                          [&](ValueId id) { return id != no_value && used[static_cast<std::size_t>(id)]; });
    if (!kept[i]) continue;
    mark(node.inputs);
    mark(node.outputs);
  }

  std::vector<ValueId> renumbered(values.size(), no_value);
  std::vector<Value> kept_values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!used[i]) continue;
    renumbered[i] = static_cast<ValueId>(kept_values.size());
    kept_values.push_back(std::move(values[i]));
  }
  values = std::move(kept_values);
  names_.clear();

  std::vector<Node> kept_nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (kept[i]) kept_nodes.push_back(std::move(nodes[i]));
  nodes = std::move(kept_nodes);

  const auto renumber = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids)
      if (id != no_value) id = renumbered[static_cast<std::size_t>(id)];
  };
  renumber(inputs);
  renumber(outputs);
  for (Node& node : nodes) {
    renumber(node.inputs);
    renumber(node.outputs);
  }
}

void Uses::take_again(const Graph& graph) {
  const std::size_t count = graph.values.size();
  producer_.assign(count, -1);
  is_output_.assign(count, false);
  readers_.resize(count);
  for (std::vector<int>& readers : readers_) readers.clear();
  for (const ValueId id : graph.outputs) is_output_[static_cast<std::size_t>(id)] = true;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : graph.nodes[i].outputs)
      if (id != no_value) producer_[static_cast<std::size_t>(id)] = static_cast<int>(i);
    for (const ValueId id : graph.nodes[i].inputs)
      if (id != no_value) readers_[static_cast<std::size_t>(id)].push_back(static_cast<int>(i));
  }
}

void Uses::grow(std::size_t values) {
  producer_.resize(values, -1);
  is_output_.resize(values, false);
  readers_.resize(values);
}

void Uses::forget(const Graph& graph, std::size_t index) {
  grow(graph.values.size());
  const Node& node = graph.nodes[index];
  for (const ValueId id : node.outputs)
    if (id != no_value) producer_[static_cast<std::size_t>(id)] = -1;
  for (const ValueId id : node.inputs)
    if (id != no_value) std::erase(readers_[static_cast<std::size_t>(id)], static_cast<int>(index));
}

void Uses::learn(const Graph& graph, std::size_t index) {
  grow(graph.values.size());
  const Node& node = graph.nodes[index];
  for (const ValueId id : node.outputs)
    if (id != no_value) producer_[static_cast<std::size_t>(id)] = static_cast<int>(index);
  for (const ValueId id : node.inputs) {
    if (id == no_value) continue;
    std::vector<int>& readers = readers_[static_cast<std::size_t>(id)];
    readers.insert(std::ranges::upper_bound(readers, static_cast<int>(index)), static_cast<int>(index));
  }
}

}  // namespace tessera
