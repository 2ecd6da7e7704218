// NodeProto -> Attributes, and Constant nodes -> Tensor.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>

#include "formats/external_data.hpp"
#include "graph/attribute.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// All attributes of a node; tensors are moved out of the message. Error{invalid} naming `what` and the attribute for
/// one that Tessera has no type for (a subgraph, a sparse tensor, a list of strings ...).
Attributes read_attributes(onnx::NodeProto& node, ExternalData& external, const std::string& what);

/// What a Constant node with these attributes yields.
Tensor constant_value(const Attributes& attributes, const std::string& what);

}  // namespace tessera
