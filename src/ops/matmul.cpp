// Matrix products: MatMul with NumPy batches and Gemm.
#include <algorithm>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/matrix.hpp"
#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

SymbolicShape without_last(const SymbolicShape& shape, std::size_t count) {
  return SymbolicShape(std::vector<Dim>(shape.dims.begin(), shape.dims.end() - static_cast<std::ptrdiff_t>(count)));
}

/// A vector is a row on the left and a column on the right, and its extent of 1 is not part of the result.
void infer_matmul(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  SymbolicShape a = input_value(graph, node, 0).shape;
  SymbolicShape b = input_value(graph, node, 1).shape;
  if (a.rank() == 0 || b.rank() == 0) node_error(node, "an operand is a scalar", "use Mul to multiply by a scalar");
  const bool a_is_vector = a.rank() == 1, b_is_vector = b.rank() == 1;
  if (a_is_vector) a.dims.insert(a.dims.begin(), Dim(1));
  if (b_is_vector) b.dims.emplace_back(1);
  expect_extent(node, "the next to last extent of input 1", b.dims[b.rank() - 2], a.dims.back());
  SymbolicShape y = broadcast_shape(node, without_last(a, 2), without_last(b, 2));
  if (!a_is_vector) y.dims.push_back(a.dims[a.rank() - 2]);
  if (!b_is_vector) y.dims.push_back(b.dims.back());
  set_output(graph, node, 0, DataType::f32, std::move(y));
}

/// The axes before the matrix.
Shape batch_of(const Shape& shape) {
  return shape.rank() < 2 ? Shape{} : Shape(shape.dims().first(shape.rank() - 2));
}

void evaluate_matmul(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& a = inputs[0].shape;
  const Shape& b = inputs[1].shape;
  const std::int64_t m = a.rank() == 1 ? 1 : a.back(1);
  const std::int64_t n = b.rank() == 1 ? 1 : b.back();
  const std::int64_t k = a.back();
  const Shape& y = outputs[0].shape;
  const std::size_t matrix_rank = (a.rank() > 1 ? 1U : 0U) + (b.rank() > 1 ? 1U : 0U);
  const Shape batch(y.dims().first(y.rank() - matrix_rank));
  const std::array<Strides, 2> strides{broadcast_strides(batch_of(a), batch), broadcast_strides(batch_of(b), batch)};
  for_each_element(batch, strides, [&](std::int64_t index, const std::array<std::int64_t, 2>& offset) {
    multiply(dense_matrix(inputs[0].as<float>().data() + offset[0] * m * k, m, k, false),
             dense_matrix(inputs[1].as<float>().data() + offset[1] * k * n, k, n, false),
             outputs[0].as<float>().data() + index * m * n, m, n, k);
  });
}

bool flag(const Node& node, std::string_view key) {
  return node.attribute_or<std::int64_t>(key, 0) != 0;
}

void infer_gemm(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  expect_rank(graph, node, 0, 2);
  expect_rank(graph, node, 1, 2);
  const std::vector<Dim>& a = input_value(graph, node, 0).shape.dims;
  const std::vector<Dim>& b = input_value(graph, node, 1).shape.dims;
  const bool trans_a = flag(node, "transA"), trans_b = flag(node, "transB");
  expect_extent(node, "the inner extent of input 1", b[trans_b ? 1 : 0], a[trans_a ? 0 : 1]);
  SymbolicShape y{a[trans_a ? 1 : 0], b[trans_b ? 0 : 1]};
  if (node.has_input(2)) {
    const SymbolicShape& c = input_value(graph, node, 2).shape;
    const SymbolicShape merged = broadcast_shape(node, c, y);
    for (std::size_t axis = 0; axis < merged.rank(); ++axis)
      if (merged.rank() != 2 ||
          (merged.dims[axis].known() && y.dims[axis].known() && merged.dims[axis] != y.dims[axis]))
        node_error(node, "input 2 has shape " + to_string(c) + ", which does not broadcast to " + to_string(y));
  }
  set_output(graph, node, 0, DataType::f32, std::move(y));
}

void evaluate_gemm(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const bool trans_a = flag(node, "transA"), trans_b = flag(node, "transB");
  const TensorView& y = outputs[0];
  const std::int64_t m = y.shape[0], n = y.shape[1], k = inputs[0].shape[trans_a ? 0 : 1];
  multiply(dense_matrix(inputs[0].as<float>().data(), m, k, trans_a),
           dense_matrix(inputs[1].as<float>().data(), k, n, trans_b), y.as<float>().data(), m, n, k);
  const float alpha = node.attribute_or("alpha", 1.0F);
  if (alpha != 1.0F) map_elements<float>(y, y, [=](float x) { return alpha * x; });
  const float beta = node.attribute_or("beta", 1.0F);
  if (!given(inputs, 2) || beta == 0.0F) return;  // C is not read: it may hold NaN
  broadcast_elements<float, float, float>(y, inputs[2], y, [=](float product, float c) { return product + beta * c; });
}

}  // namespace

std::vector<OpSchema> matmul_ops() {
  constexpr auto integer = AttributeKind::integer;
  constexpr auto real = AttributeKind::real;
  const std::vector<AttributeSpec> gemm{{"alpha", real}, {"beta", real}, {"transA", integer}, {"transB", integer}};
  return {{"MatMul", 2, 2, 1, {}, infer_matmul, evaluate_matmul, ItemRule::product, OpKind::product, Codes::numbers, 1},
          {"Gemm", 2, 3, 1, gemm, infer_gemm, evaluate_gemm, ItemRule::product, OpKind::product, Codes::numbers, 1}};
}

}  // namespace tessera
