// TensorProto -> Tensor.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>

#include "core/tensor.hpp"
#include "formats/external_data.hpp"

namespace tessera {

/// The elements of `proto`, whose raw data is moved out rather than copied: weights are the bulk of a file.
/// Error{invalid} naming `what` for an element type Tessera has not, or data that does not fit the shape.
Tensor read_tensor(onnx::TensorProto& proto, ExternalData& external, const std::string& what);

/// The DataType of a graph input or output. Error{invalid} naming `what` for an element type Tessera has not.
DataType read_element_type(int element_type, const std::string& what);

/// The TensorProto::DataType that stores `type`.
onnx::TensorProto::DataType onnx_type_of(DataType type) noexcept;

}  // namespace tessera
