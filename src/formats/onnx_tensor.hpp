// TensorProto -> Tensor.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "formats/external_data.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// The elements of `proto`, whose raw data is moved out rather than copied: weights are the bulk of a file.
/// Error{invalid} naming `what` for an element type Tessera has not, or data that does not fit the shape.
Tensor read_tensor(onnx::TensorProto& proto, ExternalData& external, const std::string& what);

/// The same where the raw data was left in the file: `raw` lies in `file`, or in memory that will not stay where `file`
/// is null.
Tensor read_tensor(onnx::TensorProto& proto, std::span<const std::byte> raw,
                   const std::shared_ptr<const MappedFile>& file, ExternalData& external, const std::string& what);

/// The DataType of a graph input or output. Error{invalid} naming `what` for an element type Tessera has not.
DataType read_element_type(int element_type, const std::string& what);

/// The TensorProto::DataType that stores `type`.
onnx::TensorProto::DataType onnx_type_of(DataType type) noexcept;

}  // namespace tessera
