// What the arithmetic families check before they promise a shape.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "graph/graph.hpp"
#include "ops/helpers.hpp"

namespace tessera {

/// A text attribute without copying it, or `fallback`.
std::string_view text_attribute(const Node& node, std::string_view key, std::string_view fallback);

/// node_error unless the integer attribute is absent or holds the one supported value.
void expect_attribute(const Node& node, std::string_view key, std::int64_t supported);
/// node_error when an input is present and has none of these types.
void expect_type(const Graph& graph, const Node& node, std::size_t index, std::initializer_list<DataType> types);
/// The same for every input the node has.
void expect_types(const Graph& graph, const Node& node, std::initializer_list<DataType> types);
/// node_error unless an input stands for reals: f32, bf16, or integers that carry their Quantization. For the ops that
/// the plan's kernels run on such storage; a missing input is fine.
void expect_real(const Graph& graph, const Node& node, std::size_t index);
/// How the reals of the first output are stored: f32, unless a pass has settled on bf16 or quantized integers.
DataType stored_type(const Graph& graph, const Node& node);
/// node_error unless every tensor is f32: reference evaluators know neither bf16 nor Quantization.
void expect_plain(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs);
/// node_error when two inputs differ in type.
void expect_same_type(const Graph& graph, const Node& node, std::size_t a, std::size_t b);
/// node_error when both extents are numbers and differ.
void expect_extent(const Node& node, const std::string& what, const Dim& actual, const Dim& expected);
/// The same for a whole input: rank and extents. Nothing where the input is omitted.
void expect_shape(const Graph& graph, const Node& node, std::size_t index, const SymbolicShape& expected);
/// node_error unless the input, where present, has this rank.
void expect_rank(const Graph& graph, const Node& node, std::size_t index, std::size_t rank);

/// What a function of one float promises: f32 of the same shape.
void infer_function(Graph& graph, const Node& node);

}  // namespace tessera
