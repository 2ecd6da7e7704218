// Nodes whose inputs are all constants, and integer vectors whose extents are all known numbers, become constants.
//
// Three things are left alone: DequantizeLinear, because the integers in front of it are what the integer kernels want;
// a Transpose of a matrix that only MatMul reads, because FusedMatMul reads the matrix either way round (transB)
// without a copy; and results so much larger than their inputs that computing them at run time is cheaper than holding
// them.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ops/op.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

constexpr std::size_t growth_limit = std::size_t{64} << 20;  ///< bytes

bool only_weights_of_matmul(const Rewriter& rewriter, ValueId value) {
  const auto& consumers = rewriter.uses().consumers(value);
  return !consumers.empty() && std::ranges::all_of(consumers, [&](int index) {
    const Node& node = rewriter.node(static_cast<std::size_t>(index));
    return node.op == "MatMul" && node.inputs[1] == value && node.inputs[0] != value;
  });
}

/// The value as a tensor when shape inference already knows every element.
std::optional<Tensor> from_extents(const Value& value) {
  if (!value.extents || value.type != DataType::i64 || !value.shape.concrete()) return std::nullopt;
  const Shape shape = value.shape.to_shape();
  if (shape.elements() != static_cast<std::int64_t>(value.extents->size())) return std::nullopt;
  Tensor tensor(DataType::i64, shape);
  const auto elements = tensor.mutable_as<std::int64_t>();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Dim& dim = (*value.extents)[i];
    if (!dim.known()) return std::nullopt;
    elements[i] = dim.value();
  }
  return tensor;
}

/// The constants a node reads, or nothing when one of its inputs is computed at run time.
std::optional<std::vector<Tensor>> constant_inputs(const Graph& graph, const Node& node) {
  std::vector<Tensor> tensors;
  for (const ValueId id : node.inputs) {
    if (id == no_value) {
      tensors.emplace_back();
      continue;
    }
    if (!graph.value(id).is_constant()) return std::nullopt;
    tensors.push_back(graph.value(id).constant);
  }
  return tensors;
}

/// Why the result of a node with constant inputs is not to be held; empty when it is.
std::string reason_against(const Rewriter& rewriter, const Node& node, const std::vector<Tensor>& inputs) {
  const Value& result = rewriter.graph().value(node.outputs.front());
  if (node.op == "DequantizeLinear") return "integers stay integers";
  if (node.op == "Transpose" && is_matrix_transpose(rewriter.graph(), node) &&
      only_weights_of_matmul(rewriter, node.outputs.front())) {
    return "MatMul reads the matrix transposed without a copy";
  }
  if (rewriter.uses().is_output(node.outputs.front())) return result.name + " is a graph output";
  if (node.outputs.size() != 1) return "it has several outputs";
  if (!result.shape.concrete()) return "the shape of " + result.name + " is not known";
  std::size_t bytes_in = 0;
  for (const Tensor& tensor : inputs) bytes_in += tensor.empty() ? 0 : tensor.bytes();
  const std::size_t bytes = static_cast<std::size_t>(result.shape.to_shape().elements()) * size_of(result.type);
  if (bytes > growth_limit && bytes > bytes_in) return "the result would be " + std::to_string(bytes) + " bytes";
  const OpSchema* schema = find_op(node.op);
  if (schema == nullptr || schema->evaluate == nullptr) return "no plain evaluation of " + node.op;
  return {};
}

}  // namespace

int fold_constants(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "constant_folding", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& node = rewriter.node(i);
    if (node.op.empty()) continue;
    const Value& value = graph.value(node.outputs.front());
    if (!rewriter.uses().is_output(node.outputs.front()) && node.outputs.size() == 1) {
      if (auto tensor = from_extents(value)) {
        rewriter.fold(i, std::move(*tensor), node.op + " of known extents");
        continue;
      }
    }
    const auto inputs = constant_inputs(graph, node);
    if (!inputs) continue;
    if (const std::string why = reason_against(rewriter, node, *inputs); !why.empty()) {
      rewriter.decline(node, why);
      continue;
    }
    rewriter.fold(i, evaluate_node(graph, node, *inputs).front(), node.op + " of constants");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
