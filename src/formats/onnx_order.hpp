// The order in which the nodes of a file can run. ONNX demands sorted nodes; not every tool obeys.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <unordered_set>
#include <vector>

namespace tessera {

/// Indices of graph.node() such that every node comes after the producers of its inputs; the file's own order wherever
/// that allows. `defined`: names that exist before any node (inputs and initializers). Error{invalid} naming the tensor
/// that nothing defines, that is defined twice, or that depends on itself.
std::vector<int> runnable_order(const onnx::GraphProto& graph, const std::unordered_set<std::string>& defined,
                                const std::string& origin);

/// "node /layer1/conv (Conv)", or its number in the file where it has no name.
std::string describe_node(const onnx::GraphProto& graph, int index);

}  // namespace tessera
