// DepthToSpace and SpaceToDepth: blocks of b x b pixels of an image [N, C, H, W] become channels, or the other way
// round.
#include <string>
#include <utility>
#include <vector>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/strided_copy.hpp"

namespace tessera {
namespace {

constexpr std::int64_t largest_block = 1 << 15;  // its square still is an extent

std::int64_t block_of(const Node& node) {
  const auto block = node.attribute_or<std::int64_t>("blocksize", 0);
  if (block < 1 || block > largest_block) node_error(node, "attribute blocksize is " + std::to_string(block));
  return block;
}

/// Whether the channels of an output pixel lie together: those of the input are [C, b, b], otherwise [b, b, C].
bool columns_first(const Node& node) {
  const auto mode = text_attribute(node, "mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    node_error(node, "attribute mode is " + std::string(mode) + "; supported: DCR, CRD");
  return mode == "CRD";
}

void expect_multiple(const Node& node, const Dim& dim, std::int64_t factor) {
  if (dim.known() && dim.value() % factor != 0)
    node_error(node, "extent " + to_string(dim) + " is no multiple of " + std::to_string(factor));
}

void infer_depth_to_space(Graph& graph, const Node& node) {
  expect_rank(graph, node, 0, 4);
  columns_first(node);
  const std::int64_t b = block_of(node);
  const Value& x = input_value(graph, node, 0);
  std::vector<Dim> dims = x.shape.dims;
  expect_multiple(node, dims[1], b * b);
  set_output(graph, node, 0, x.type, SymbolicShape{dims[0], dims[1] / Dim(b * b), dims[2] * Dim(b), dims[3] * Dim(b)});
}

void infer_space_to_depth(Graph& graph, const Node& node) {
  expect_rank(graph, node, 0, 4);
  const std::int64_t b = block_of(node);
  const Value& x = input_value(graph, node, 0);
  std::vector<Dim> dims = x.shape.dims;
  expect_multiple(node, dims[2], b);
  expect_multiple(node, dims[3], b);
  set_output(graph, node, 0, x.type, SymbolicShape{dims[0], dims[1] * Dim(b * b), dims[2] / Dim(b), dims[3] / Dim(b)});
}

}  // namespace

StridedCopy depth_to_space_copy(const Node& node, const Shape& x, const Strides& from) {
  const std::int64_t b = block_of(node), channels = x[1] / (b * b);
  const std::int64_t channel = columns_first(node) ? b * b : 1, column = columns_first(node) ? 1 : channels;
  // Of y: [N, C, H, b, W, b]
  return {Shape{x[0], channels, x[2], b, x[3], b},
          {from[0], channel * from[1], from[2], b * column * from[1], from[3], column * from[1]},
          0};
}

StridedCopy space_to_depth_copy(const Node& node, const Shape& x, const Strides& from) {
  const std::int64_t b = block_of(node);
  // Of y: [N, b, b, C, H, W]
  return {
      Shape{x[0], b, b, x[1], x[2] / b, x[3] / b}, {from[0], from[2], from[3], from[1], b * from[2], b * from[3]}, 0};
}

std::vector<OpSchema> depth_space_ops() {
  using enum AttributeKind;
  return {{"DepthToSpace",
           1,
           1,
           1,
           {{"blocksize", integer}, {"mode", string}},
           infer_depth_to_space,
           evaluate_strided_copy,
           ItemRule::first_input,
           OpKind::movement,
           Codes::passes,
           1},
          {"SpaceToDepth",
           1,
           1,
           1,
           {{"blocksize", integer}},
           infer_space_to_depth,
           evaluate_strided_copy,
           ItemRule::first_input,
           OpKind::movement,
           Codes::passes,
           1}};
}

}  // namespace tessera
