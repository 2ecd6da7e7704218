// Functions that a model brings along: a call becomes the nodes of the function.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>

namespace tessera {

/// Puts the nodes of its functions in the place of every node that calls one, and of calls inside functions. Nothing is
/// left of the functions. Error{invalid} naming the function that calls itself, whose operator set is another one than
/// the model's, or that makes the graph absurdly large.
void inline_functions(onnx::ModelProto& model, const std::string& origin);

}  // namespace tessera
