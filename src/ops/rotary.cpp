// Rotary positions: RotaryEmbedding of operator set 23, and
//   FusedRotary(X, C, S)   X * C + turned(X) * S on heads of D elements, where turned(X) is the second half of a head,
//                          negated, in front of its first half. X is [B, heads, S, D], or [B, S, heads * D] with
//                          num_heads; C and S are [1 or B, S, D], perhaps with an axis of 1 for the heads.
#include <algorithm>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/rotary.hpp"

namespace tessera {
namespace {

/// The heads of X, as both ops take them.
struct Heads {
  Dim batch, heads, length, depth;
};

Heads heads_of(const Graph& graph, const Node& node) {
  const SymbolicShape& x = input_value(graph, node, 0).shape;
  if (x.rank() == 4) return {x.dims[0], x.dims[1], x.dims[2], x.dims[3]};
  if (x.rank() != 3) node_error(node, "input 0 has neither rank 3 nor rank 4");
  const auto heads = node.attribute_or<std::int64_t>("num_heads", 0);
  if (heads < 1) node_error(node, "attribute num_heads is needed for an input of rank 3");
  if (x.dims[2].known() && x.dims[2].value() % heads != 0)
    node_error(node, std::to_string(heads) + " heads do not divide " + to_string(x.dims[2]));
  return {x.dims[0], heads, x.dims[1], x.dims[2] / Dim(heads)};
}

// ---- RotaryEmbedding ----

bool has_positions(std::span<const TensorView> inputs) {
  return given(inputs, 3);
}

void infer_rotary_embedding(Graph& graph, const Node& node) {
  for (std::size_t i = 0; i < 3; ++i) expect_type(graph, node, i, {DataType::f32});
  expect_type(graph, node, 3, {DataType::i64, DataType::s32});
  const Heads x = heads_of(graph, node);
  const std::size_t rank = node.has_input(3) ? 2 : 3;
  for (const std::size_t i : {1U, 2U}) expect_rank(graph, node, i, rank);
  const auto turned = node.attribute_or<std::int64_t>("rotary_embedding_dim", 0);
  const Dim depth = turned > 0 ? Dim(turned) : x.depth;
  if (depth.known() && depth.value() % 2 != 0)
    node_error(node, "it turns an odd number of elements: " + to_string(depth),
               "export the model again: they go in pairs");
  if (depth.known() && x.depth.known() && depth.value() > x.depth.value())
    node_error(node,
               "rotary_embedding_dim is " + to_string(depth) + " for heads of " + to_string(x.depth) + " elements");
  const SymbolicShape& table = input_value(graph, node, 1).shape;
  expect_extent(node, "the last extent of the table of cosines", table.dims.back(), depth / Dim(2));
  expect_shape(graph, node, 2, table);
  if (node.has_input(3))
    expect_shape(graph, node, 3, SymbolicShape{x.batch, x.length});
  else if (table.dims[0] != Dim(1))  // PyTorch's exporter writes one table for all items
    expect_shape(graph, node, 1, SymbolicShape{x.batch, x.length, table.dims.back()});
  else
    expect_extent(node, "the length of the table of cosines", table.dims[1], x.length);
  set_output(graph, node, 0, DataType::f32, SymbolicShape(input_value(graph, node, 0).shape));
}

/// The row of the tables for one token of texts of this length; node_error where its position is outside of them.
std::int64_t table_row(const Node& node, std::span<const TensorView> inputs, std::int64_t token, std::int64_t length) {
  if (!has_positions(inputs)) return inputs[1].shape[0] == 1 ? token % length : token;
  const std::int64_t position = integer_at(inputs[3], token), rows = inputs[1].shape[0];
  if (position < 0 || position >= rows)
    node_error(
        node,
        "position " + std::to_string(position) + " is outside the " + std::to_string(rows) + " rows of its tables",
        "check the values of the model's inputs");
  return position;
}

void evaluate_rotary_embedding(const Node& node, std::span<const TensorView> inputs,
                               std::span<const TensorView> outputs) {
  const RotaryLayout x = rotary_layout(node, inputs[0].shape);
  const bool interleaved = node.attribute_or<std::int64_t>("interleaved", 0) != 0;
  const std::int64_t half = inputs[1].shape.back();
  const auto cosines = inputs[1].as<float>(), sines = inputs[2].as<float>();
  for (std::int64_t token = 0; token < x.batch * x.length; ++token) {
    const auto row = static_cast<std::size_t>(table_row(node, inputs, token, x.length) * half);
    for (std::int64_t h = 0; h < x.heads; ++h) {
      const std::int64_t at = x.offset(token / x.length, h, token % x.length);
      const float* const from = inputs[0].as<float>().data() + at;
      float* const to = outputs[0].as<float>().data() + at;
      std::copy_n(from, x.depth, to);  // what is behind the turned elements stays
      for (std::int64_t i = 0; i < half; ++i) {
        const std::int64_t first = interleaved ? 2 * i : i, second = interleaved ? 2 * i + 1 : i + half;
        const float a = from[first], b = from[second];
        const float c = cosines[row + static_cast<std::size_t>(i)], s = sines[row + static_cast<std::size_t>(i)];
        to[first] = c * a - s * b;
        to[second] = s * a + c * b;
      }
    }
  }
}

// ---- FusedRotary ----

/// C or S: [1 or B, S, D] or [1 or B, 1, S, D].
void expect_factors(const Graph& graph, const Node& node, std::size_t index, const Heads& x) {
  const SymbolicShape& shape = input_value(graph, node, index).shape;
  if (shape.rank() != 3 && shape.rank() != 4) node_error(node, "its factors have shape " + to_string(shape));
  if (shape.rank() == 4) expect_extent(node, "extent 1 of the factors", shape.dims[1], Dim(1));
  if (!(shape.dims[0] == Dim(1))) expect_extent(node, "extent 0 of the factors", shape.dims[0], x.batch);
  expect_extent(node, "the length of the factors", shape.dims[shape.rank() - 2], x.length);
  expect_extent(node, "the depth of the factors", shape.dims.back(), x.depth);
}

void infer_fused_rotary(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  const Heads x = heads_of(graph, node);
  if (x.depth.known() && x.depth.value() % 2 != 0) node_error(node, "its heads have an odd number of elements");
  for (const std::size_t i : {1U, 2U}) {
    expect_type(graph, node, i, {DataType::f32});
    expect_factors(graph, node, i, x);
  }
  set_output(graph, node, 0, DataType::f32, SymbolicShape(input_value(graph, node, 0).shape));
}

/// One head: its first half turned into its second. Both halves have factors of their own.
void turn_head(const float* x, const float* c, const float* s, std::int64_t half, float* y) {
  for (std::int64_t i = 0; i < half; ++i) {
    y[i] = x[i] * c[i] - x[i + half] * s[i];
    y[i + half] = x[i + half] * c[i + half] + x[i] * s[i + half];
  }
}

void evaluate_fused_rotary(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const RotaryLayout x = rotary_layout(node, inputs[0].shape);
  const std::int64_t half = x.depth / 2;
  const std::int64_t c_batch = inputs[1].shape[0] == 1 ? 0 : x.length * x.depth;
  const std::int64_t s_batch = inputs[2].shape[0] == 1 ? 0 : x.length * x.depth;
  for (std::int64_t token = 0; token < x.batch * x.length; ++token) {
    const std::int64_t b = token / x.length, position = token % x.length;
    const float* const c = inputs[1].as<float>().data() + b * c_batch + position * x.depth;
    const float* const s = inputs[2].as<float>().data() + b * s_batch + position * x.depth;
    for (std::int64_t h = 0; h < x.heads; ++h) {
      const std::int64_t at = x.offset(b, h, position);
      turn_head(inputs[0].as<float>().data() + at, c, s, half, outputs[0].as<float>().data() + at);
    }
  }
}

}  // namespace

RotaryLayout rotary_layout(const Node& node, const Shape& x) {
  if (x.rank() == 4) return {x[0], x[1], x[2], x[3], x[1] * x[2] * x[3], x[2] * x[3], x[3]};
  const std::int64_t heads = node.attribute_or<std::int64_t>("num_heads", 1), depth = x[2] / heads;
  return {x[0], heads, x[1], depth, x[1] * x[2], depth, x[2]};
}

std::vector<OpSchema> rotary_ops() {
  using enum AttributeKind;
  return {{"RotaryEmbedding",
           3,
           4,
           1,
           {{"interleaved", integer}, {"num_heads", integer}, {"rotary_embedding_dim", integer}},
           infer_rotary_embedding,
           evaluate_rotary_embedding,
           ItemRule::mixes,
           OpKind::other,
           Codes::numbers,
           23},
          {"FusedRotary",
           3,
           3,
           1,
           {{"num_heads", integer}},
           infer_fused_rotary,
           evaluate_fused_rotary,
           ItemRule::mixes,
           OpKind::other,
           Codes::numbers,
           0}};
}

}  // namespace tessera
