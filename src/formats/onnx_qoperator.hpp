// Quantized operators (QLinearConv and its like, QOperator format) say in one node what the QDQ format says in several.
// Files in either format become the same graph here, so that nothing behind the reader knows two of them.
#pragma once

#include <string_view>

#include "graph/graph.hpp"

namespace tessera {

/// Whether expand_qoperators() spells out this op. `domain` is empty for standard ONNX.
bool is_qoperator(std::string_view domain, std::string_view op) noexcept;

/// Puts DequantizeLinear -> float op -> QuantizeLinear in the place of every quantized operator. Error{invalid} naming
/// the node for an attribute that no float op expresses.
void expand_qoperators(Graph& graph);

}  // namespace tessera
