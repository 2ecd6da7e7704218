// The nodes of a function or of a branch, as they stand in the place of the node that calls it: under names of their
// own.
#pragma once

#include <onnx/onnx_pb.h>

#include <functional>
#include <string>
#include <unordered_set>

namespace tessera {

/// Gives every tensor that a node reads or defines the name that `renamed` returns for it, also inside the graphs that
/// its attributes hold. Omitted inputs and outputs stay so.
void rename_tensors(onnx::NodeProto& node, const std::function<std::string(const std::string&)>& renamed);

/// The tensors that the graphs in a node's attributes read from outside of themselves.
std::unordered_set<std::string> captured_names(const onnx::NodeProto& node);

}  // namespace tessera
