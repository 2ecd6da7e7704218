#include "formats/onnx_order.hpp"

#include <functional>
#include <queue>
#include <unordered_map>

#include "core/error.hpp"
#include "formats/onnx_rename.hpp"

namespace tessera {
namespace {

using Producers = std::unordered_map<std::string, int>;

Producers find_producers(const onnx::GraphProto& graph, const std::unordered_set<std::string>& defined,
                         const std::string& origin) {
  Producers producers;
  for (int i = 0; i < graph.node_size(); ++i)
    for (const std::string& output : graph.node(i).output()) {
      if (output.empty()) continue;
      if (defined.contains(output) || !producers.emplace(output, i).second)
        reject(origin + ": " + describe_node(graph, i), "tensor " + output + " is already defined elsewhere",
               "give every tensor its own name");
    }
  return producers;
}

/// What has to be there before a node, the graphs inside of it included.
std::vector<std::string> read_names(const onnx::NodeProto& node) {
  std::vector<std::string> names(node.input().begin(), node.input().end());
  const auto captured = captured_names(node);
  names.insert(names.end(), captured.begin(), captured.end());
  return names;
}

/// Whatever is left after sorting waits for itself; a tensor on the cycle is more use than any node that merely waits
/// for it.
[[noreturn]] void reject_cycle(const onnx::GraphProto& graph, const Producers& producers,
                               const std::vector<int>& waiting, const std::string& origin) {
  int node = 0;
  while (waiting[static_cast<std::size_t>(node)] == 0) ++node;
  std::string tensor;
  // Every waiting node has a waiting producer: after as many steps back as there are nodes, we are on the cycle.
  for (int step = 0; step < graph.node_size(); ++step)
    for (const std::string& input : read_names(graph.node(node))) {
      const auto found = producers.find(input);
      if (found == producers.end() || waiting[static_cast<std::size_t>(found->second)] == 0) continue;
      node = found->second;
      tensor = input;
      break;
    }
  reject(origin + ": " + describe_node(graph, node), "tensor " + tensor + " depends on itself",
         "break the cycle; export the model again");
}

}  // namespace

std::string describe_node(const onnx::GraphProto& graph, int index) {
  const auto& node = graph.node(index);
  return "node " + (node.name().empty() ? "number " + std::to_string(index) : node.name()) + " (" + node.op_type() +
         ")";
}

std::vector<int> runnable_order(const onnx::GraphProto& graph, const std::unordered_set<std::string>& defined,
                                const std::string& origin) {
  const Producers producers = find_producers(graph, defined, origin);
  const auto count = static_cast<std::size_t>(graph.node_size());
  std::vector<int> waiting(count, 0);  // inputs whose producer has not been placed
  std::vector<std::vector<int>> consumers(count);
  for (int i = 0; i < graph.node_size(); ++i)
    for (const std::string& input : read_names(graph.node(i))) {
      if (input.empty() || defined.contains(input)) continue;
      const auto found = producers.find(input);
      if (found == producers.end())
        reject(origin + ": " + describe_node(graph, i), "reads tensor " + input + ", which nothing defines",
               "the file is damaged; export the model again");
      ++waiting[static_cast<std::size_t>(i)];
      consumers[static_cast<std::size_t>(found->second)].push_back(i);
    }

  std::priority_queue<int, std::vector<int>, std::greater<>> ready;  // lowest index first: a sorted file stays as it is
  for (int i = 0; i < graph.node_size(); ++i)
    if (waiting[static_cast<std::size_t>(i)] == 0) ready.push(i);
  std::vector<int> order;
  order.reserve(count);
  for (; !ready.empty();) {
    const int node = ready.top();
    ready.pop();
    order.push_back(node);
    for (const int consumer : consumers[static_cast<std::size_t>(node)])
      if (--waiting[static_cast<std::size_t>(consumer)] == 0) ready.push(consumer);
  }
  if (order.size() != count) reject_cycle(graph, producers, waiting, origin);
  return order;
}

}  // namespace tessera
