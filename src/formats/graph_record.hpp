// A Graph as a record (a JsonValue, written as CBOR) without the elements of its constants, which lie elsewhere under
// numbers. Unlike ONNX it holds fused ops, folded quantization and symbolic shapes as they are.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "formats/json_value.hpp"
#include "graph/graph.hpp"

namespace tessera {

/// Takes the elements of a tensor and returns their number.
using PutTensor = std::function<std::size_t(const Tensor&)>;
/// The tensor of that number. Error{invalid} where there is none.
using GetTensor = std::function<Tensor(std::size_t)>;

/// The element type that a number of a record stands for. Error{invalid} naming `what` where it stands for none;
/// JsonError where it is no number.
DataType element_type_of(const JsonValue& record, const std::string& what);

JsonValue record_of(const Graph& graph, const PutTensor& put);

/// Error{invalid} naming `what` for a record that is no graph.
Graph graph_of(const JsonValue& record, const GetTensor& get, const std::string& what);

}  // namespace tessera
