#include "formats/onnx_rename.hpp"

namespace tessera {
namespace {

using Renamed = std::function<std::string(const std::string&)>;

void rename(std::string& name, const Renamed& renamed) {
  if (!name.empty()) name = renamed(name);
}

void rename_graph(onnx::GraphProto& graph, const Renamed& renamed) {
  for (auto& input : *graph.mutable_input()) rename(*input.mutable_name(), renamed);
  for (auto& output : *graph.mutable_output()) rename(*output.mutable_name(), renamed);
  for (auto& initializer : *graph.mutable_initializer()) rename(*initializer.mutable_name(), renamed);
  for (auto& node : *graph.mutable_node()) rename_tensors(node, renamed);
}

void collect(const onnx::GraphProto& graph, std::unordered_set<std::string>& captured);

void collect(const onnx::NodeProto& node, std::unordered_set<std::string>& captured) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) collect(attribute.g(), captured);
    for (const auto& graph : attribute.graphs()) collect(graph, captured);
  }
}

void collect(const onnx::GraphProto& graph, std::unordered_set<std::string>& captured) {
  std::unordered_set<std::string> read, defined;
  for (const auto& input : graph.input()) defined.insert(input.name());
  for (const auto& initializer : graph.initializer()) defined.insert(initializer.name());
  for (const auto& output : graph.output()) read.insert(output.name());
  for (const auto& node : graph.node()) {
    read.insert(node.input().begin(), node.input().end());
    defined.insert(node.output().begin(), node.output().end());
    collect(node, read);
  }
  for (const std::string& name : read)
    if (!name.empty() && !defined.contains(name)) captured.insert(name);
}

}  // namespace

void rename_tensors(onnx::NodeProto& node, const Renamed& renamed) {
  for (std::string& input : *node.mutable_input()) rename(input, renamed);
  for (std::string& output : *node.mutable_output()) rename(output, renamed);
  for (auto& attribute : *node.mutable_attribute()) {
    if (attribute.has_g()) rename_graph(*attribute.mutable_g(), renamed);
    for (auto& graph : *attribute.mutable_graphs()) rename_graph(graph, renamed);
  }
}

std::unordered_set<std::string> captured_names(const onnx::NodeProto& node) {
  std::unordered_set<std::string> captured;
  collect(node, captured);
  return captured;
}

}  // namespace tessera
