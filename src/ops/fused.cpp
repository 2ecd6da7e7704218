// Tessera's own ops, which the passes put in the place of several ONNX nodes:
//   FusedConv(X, W, [B], [R])       act(conv(X, W) + B + R); the attributes of Conv and `activation`
//   FusedMatMul(X, W, [B], [R])     act(X * W + B + R); W [K, N], or [N, K] with transB = 1, in numbers; `activation`
//   FusedAttention(Q, [K], [V], [mask])   softmax(scale * Q K^T + mask) V for each of num_heads heads; without K and V,
//                                         Q holds all three side by side on its last axis. q_scale, q_zero_point and
//                                         the same for k, p (the probabilities) and v: as u8 before it is multiplied;
//                                         nan_is_zero = 1: a query whose probabilities are NaN gets zeros;
//                                         kv_num_heads: K and V have so many heads, each for several heads of Q
//   FusedGate(X, S)                 X * S for an image X [N, C, H, W] and one number for each channel, S [N or 1, C, 1,
//   1]
// R has the shape of the output. `activation` is one of fused_activation.hpp. With sum_scale and
// sum_zero_point, the sum goes through u8 before R is added, as a quantized file may have it; residual_first = 1 says
// that R was the first operand of that addition, on which roundings depend. FusedMatMul and FusedConv with
// quantize_input = 1 ask for integers where X is float: the plan quantizes X as DynamicQuantizeLinear does when it
// runs; plain code leaves X as it is. FusedMatMul of float X and integer W without it asks for integers row by row.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/convolution.hpp"
#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/fused_activation.hpp"
#include "ops/matrix.hpp"
#include "ops/plain_loops.hpp"
#include "ops/scalar_functions.hpp"

namespace tessera {
namespace {

/// What u8 makes of the sum before a residual is added to it.
void round_sum(const Node& node, const TensorView& y) {
  const float* scale = node.find_attribute<float>("sum_scale");
  if (scale == nullptr) return;
  const auto zero_point = static_cast<float>(node.attribute_or<std::int64_t>("sum_zero_point", 0));
  map_elements<float>(y, y, [&](float x) {
    return *scale * std::clamp(std::nearbyint(x / *scale), 0.0F - zero_point, 255.0F - zero_point);
  });
}

/// y = act(y + bias + residual); the bias runs along y's axis `axis`.
void finish(const Node& node, std::span<const TensorView> inputs, std::size_t axis, const TensorView& y) {
  const auto add = [](float a, float b) { return a + b; };
  if (given(inputs, 2)) {
    TensorView aligned = inputs[2];
    for (std::size_t i = axis + 1; i < y.shape.rank(); ++i) aligned.shape.push_back(1);
    broadcast_elements<float, float, float>(y, aligned, y, add);
  }
  round_sum(node, y);
  if (given(inputs, 3)) broadcast_elements<float, float, float>(y, inputs[3], y, add);
  apply_fused_activation(node, y);
}

/// X, W and R as the kernels take them; the bias is always f32.
void expect_product_types(const Graph& graph, const Node& node) {
  for (const std::size_t i : {0U, 1U, 3U}) expect_real(graph, node, i);
  expect_type(graph, node, 2, {DataType::f32});
}

void infer_fused_conv(Graph& graph, const Node& node) {
  expect_fused_activation(node);
  expect_product_types(graph, node);
  SymbolicShape y = convolution_shape(graph, node);
  expect_shape(graph, node, 3, y);
  set_output(graph, node, 0, stored_type(graph, node), std::move(y));
}

void evaluate_fused_conv(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  expect_plain(node, inputs, outputs);
  convolve(node, inputs[0], inputs[1], outputs[0]);
  finish(node, inputs, 1, outputs[0]);
}

bool transposes_weights(const Node& node) {
  return node.attribute_or<std::int64_t>("transB", 0) != 0;
}

void infer_fused_matmul(Graph& graph, const Node& node) {
  expect_fused_activation(node);
  expect_product_types(graph, node);
  expect_rank(graph, node, 1, 2);
  const Value& w = input_value(graph, node, 1);
  SymbolicShape y = input_value(graph, node, 0).shape;
  if (!w.shape.concrete())
    node_error(node, "the weights have shape " + to_string(w.shape) + "; numbers are needed",
               "use MatMul for weights computed at run time");
  if (y.rank() == 0) node_error(node, "input 0 is a scalar");
  const bool transposed = transposes_weights(node);
  expect_extent(node, "the inner extent of the weights", w.shape.dims[transposed ? 1 : 0], y.dims.back());
  y.dims.back() = w.shape.dims[transposed ? 0 : 1];
  expect_shape(graph, node, 2, SymbolicShape{y.dims.back()});
  expect_shape(graph, node, 3, y);
  set_output(graph, node, 0, stored_type(graph, node), std::move(y));
}

void evaluate_fused_matmul(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  expect_plain(node, inputs, outputs);
  const TensorView& y = outputs[0];
  const std::int64_t k = inputs[0].shape.back(), n = y.shape.back();
  const std::int64_t m = y.shape.product(0, y.shape.rank() - 1);
  multiply(dense_matrix(inputs[0].as<float>().data(), m, k, false),
           dense_matrix(inputs[1].as<float>().data(), k, n, transposes_weights(node)), y.as<float>().data(), m, n, k);
  finish(node, inputs, y.shape.rank() - 1, y);
}

void infer_fused_gate(Graph& graph, const Node& node) {
  for (const std::size_t i : {0U, 1U}) {
    expect_real(graph, node, i);
    expect_rank(graph, node, i, 4);
  }
  SymbolicShape y = input_value(graph, node, 0).shape;
  const SymbolicShape& gate = input_value(graph, node, 1).shape;
  expect_extent(node, "extent 1 of the gate", gate.dims[1], y.dims[1]);
  for (const std::size_t axis : {2U, 3U})
    expect_extent(node, "extent " + std::to_string(axis) + " of the gate", gate.dims[axis], Dim(1));
  if (!(gate.dims[0] == Dim(1))) expect_extent(node, "extent 0 of the gate", gate.dims[0], y.dims[0]);
  set_output(graph, node, 0, stored_type(graph, node), std::move(y));
}

void evaluate_fused_gate(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  expect_plain(node, inputs, outputs);
  broadcast_elements<float, float, float>(inputs[0], inputs[1], outputs[0], [](float a, float b) { return a * b; });
}

std::int64_t heads_of(const Node& node) {
  const auto* heads = node.find_attribute<std::int64_t>("num_heads");
  if (heads == nullptr || *heads < 1) node_error(node, "attribute num_heads is missing or not positive");
  return *heads;
}

/// Heads of K and V, of which each serves as many heads of Q.
std::int64_t shared_heads_of(const Node& node) {
  const std::int64_t heads = heads_of(node), shared = node.attribute_or("kv_num_heads", heads);
  if (shared < 1 || heads % shared != 0)
    node_error(node, std::to_string(shared) + " heads of K do not divide " + std::to_string(heads) + " heads of Q");
  if (shared != heads && !node.has_input(1)) node_error(node, "heads are shared, but K and V are not given");
  return shared;
}

void expect_mask(const Graph& graph, const Node& node, const SymbolicShape& scores) {
  const SymbolicShape& mask = input_value(graph, node, 3).shape;
  if (mask.rank() > scores.rank())
    node_error(node, "the mask has shape " + to_string(mask) + "; at most rank 4 is supported");
  const SymbolicShape masked = broadcast_shape(node, mask, scores);
  for (std::size_t axis = 0; axis < scores.rank(); ++axis)
    expect_extent(node, "extent " + std::to_string(axis) + " of the masked scores", masked.dims[axis],
                  scores.dims[axis]);
}

void infer_fused_attention(Graph& graph, const Node& node) {
  for (std::size_t i = 0; i < 3; ++i) expect_real(graph, node, i);
  expect_type(graph, node, 3, {DataType::f32});
  const std::int64_t heads = heads_of(node), shared = shared_heads_of(node);
  if (node.find_attribute<float>("scale") == nullptr) node_error(node, "attribute scale is missing");
  expect_rank(graph, node, 0, 3);
  SymbolicShape y = input_value(graph, node, 0).shape;
  Dim keys = y.dims[1];
  if (node.has_input(1) != node.has_input(2)) node_error(node, "only one of the inputs K and V is given");
  const std::int64_t parts = node.has_input(1) ? 1 : 3;
  if (y.dims[2].known() && y.dims[2].value() % (parts * heads) != 0)
    node_error(node, "the last extent of input 0 is " + to_string(y.dims[2]) + ", which " + std::to_string(heads) +
                         " heads do not divide");
  y.dims[2] = y.dims[2] / Dim(parts);
  if (parts == 1) {
    expect_rank(graph, node, 1, 3);
    keys = input_value(graph, node, 1).shape.dims[1];
    const SymbolicShape context{y.dims[0], keys, y.dims[2] / Dim(heads / shared)};
    expect_shape(graph, node, 1, context);
    expect_shape(graph, node, 2, context);
  }
  if (node.has_input(3)) expect_mask(graph, node, {y.dims[0], Dim(heads), y.dims[1], keys});
  set_output(graph, node, 0, stored_type(graph, node), std::move(y));
}

/// Rows of one head: `data` at its first element, `stride` from one position of the sequence to the next.
struct HeadRows {
  const float* data = nullptr;
  std::int64_t stride = 0;

  [[nodiscard]] const float* row(std::int64_t position) const noexcept { return data + position * stride; }
};

/// What u8 makes of an operand; nothing without a scale.
struct Rounding {
  float scale = 0.0F, zero_point = 0.0F;

  [[nodiscard]] float operator()(float x) const {
    if (scale == 0.0F) return x;
    return scale * std::clamp(std::nearbyint(x / scale), 0.0F - zero_point, 255.0F - zero_point);
  }
};
Rounding rounding(const Node& node, const std::string& name) {
  return {node.attribute_or(name + "_scale", 0.0F),
          static_cast<float>(node.attribute_or<std::int64_t>(name + "_zero_point", 0))};
}

/// What one query attends to in one head.
struct Attended {
  HeadRows k, v;
  const float* mask = nullptr;  ///< null: no mask
  std::int64_t mask_stride = 0;
  std::int64_t keys = 0, depth = 0;
  float scale = 1.0F;
  bool nan_is_zero = false;
  Rounding q_rounding, k_rounding, p_rounding, v_rounding;

  [[nodiscard]] float score(const float* query, std::int64_t key) const {
    const float product = scale * rounded_dot(query, k.row(key));
    return mask == nullptr ? product : product + mask[key * mask_stride];
  }
  [[nodiscard]] float rounded_dot(const float* query, const float* row) const {
    if (q_rounding.scale == 0.0F) return dot(query, row, depth);
    float sum = 0.0F;
    for (std::int64_t i = 0; i < depth; ++i) sum += q_rounding(query[i]) * k_rounding(row[i]);
    return sum;
  }
};

/// The same with the probabilities rounded, which have to be known for that.
void attend_rounded(const float* query, const Attended& to, float largest, float* y) {
  float total = 0.0F;
  for (std::int64_t key = 0; key < to.keys; ++key) total += std::exp(to.score(query, key) - largest);
  for (std::int64_t key = 0; key < to.keys; ++key) {
    const float weight = to.p_rounding(std::exp(to.score(query, key) - largest) / total);
    for (std::int64_t i = 0; i < to.depth; ++i) y[i] += weight * to.v_rounding(to.v.row(key)[i]);
  }
}

/// y = softmax(scores) V. The scores are computed twice, since there is no room to keep them.
void attend(const float* query, const Attended& to, float* y) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t key = 0; key < to.keys; ++key) largest = std::max(largest, to.score(query, key));
  std::fill_n(y, to.depth, 0.0F);
  float total = 0.0F;
  if (to.p_rounding.scale != 0.0F) return attend_rounded(query, to, largest, y);
  for (std::int64_t key = 0; key < to.keys; ++key) {
    const float weight = std::exp(to.score(query, key) - largest);
    total += weight;
    add_scaled(weight, to.v.row(key), y, to.depth);
  }
  if (to.nan_is_zero && std::isnan(total)) {
    std::fill_n(y, to.depth, 0.0F);
    return;
  }
  for (std::int64_t i = 0; i < to.depth; ++i) y[i] /= total;
}

/// Q, K and V, each its own tensor or a third of the columns of the first input.
std::array<HeadRows, 3> attention_rows(std::span<const TensorView> inputs) {
  const std::int64_t stride = inputs[0].shape.back();
  if (given(inputs, 1))
    return {{{inputs[0].as<float>().data(), stride},
             {inputs[1].as<float>().data(), inputs[1].shape.back()},
             {inputs[2].as<float>().data(), inputs[2].shape.back()}}};
  const float* merged = inputs[0].as<float>().data();
  return {{{merged, stride}, {merged + stride / 3, stride}, {merged + stride / 3 * 2, stride}}};
}

void evaluate_fused_attention(const Node& node, std::span<const TensorView> inputs,
                              std::span<const TensorView> outputs) {
  expect_plain(node, inputs, outputs);
  const Shape& y = outputs[0].shape;
  const std::int64_t heads = heads_of(node), queries = y[1], sharing = heads / shared_heads_of(node);
  Attended to;
  to.keys = given(inputs, 1) ? inputs[1].shape[1] : queries;
  to.depth = y[2] / heads;
  to.scale = node.attribute_or("scale", 1.0F);
  to.nan_is_zero = node.attribute_or<std::int64_t>("nan_is_zero", 0) != 0;
  to.q_rounding = rounding(node, "q");
  to.k_rounding = rounding(node, "k");
  to.p_rounding = rounding(node, "p");
  to.v_rounding = rounding(node, "v");
  const std::array<HeadRows, 3> rows = attention_rows(inputs);
  const HeadRows &q = rows[0], &k = rows[1], &v = rows[2];
  std::array<Strides, 1> mask{};
  if (given(inputs, 3)) mask[0] = broadcast_strides(inputs[3].shape, Shape{y[0], heads, queries, to.keys});
  to.mask_stride = mask[0][3];
  for_each_element(Shape{y[0], heads, queries}, mask, [&](std::int64_t index, const std::array<std::int64_t, 1>& at) {
    const std::int64_t query = index % queries, head = index / queries % heads, batch = index / queries / heads;
    const std::int64_t column = head * to.depth, position = batch * queries + query;
    const std::int64_t shared_column = head / sharing * to.depth;
    to.k = {k.row(batch * to.keys) + shared_column, k.stride};
    to.v = {v.row(batch * to.keys) + shared_column, v.stride};
    to.mask = given(inputs, 3) ? inputs[3].as<float>().data() + at[0] : nullptr;
    attend(q.row(position) + column, to, outputs[0].as<float>().data() + position * y[2] + column);
  });
}

}  // namespace

static std::vector<AttributeSpec> attention_attributes() {
  return {{"num_heads", AttributeKind::integer},   {"scale", AttributeKind::real},
          {"q_scale", AttributeKind::real},        {"q_zero_point", AttributeKind::integer},
          {"k_scale", AttributeKind::real},        {"k_zero_point", AttributeKind::integer},
          {"p_scale", AttributeKind::real},        {"p_zero_point", AttributeKind::integer},
          {"v_scale", AttributeKind::real},        {"v_zero_point", AttributeKind::integer},
          {"nan_is_zero", AttributeKind::integer}, {"kv_num_heads", AttributeKind::integer}};
}

std::vector<OpSchema> fused_ops() {
  constexpr AttributeSpec activation{"activation", AttributeKind::string};
  constexpr AttributeSpec first{"activation_first", AttributeKind::real};
  constexpr AttributeSpec second{"activation_second", AttributeKind::real};
  constexpr AttributeSpec sum_scale{"sum_scale", AttributeKind::real};
  constexpr AttributeSpec sum_zero_point{"sum_zero_point", AttributeKind::integer};
  constexpr AttributeSpec residual_first{"residual_first", AttributeKind::integer};
  std::vector<AttributeSpec> convolution = convolution_attributes();
  constexpr AttributeSpec quantize_input{"quantize_input", AttributeKind::integer};
  for (const AttributeSpec& spec :
       {activation, first, second, sum_scale, sum_zero_point, residual_first, quantize_input})
    convolution.push_back(spec);
  const std::vector<AttributeSpec> product{{"transB", AttributeKind::integer},
                                           activation,
                                           first,
                                           second,
                                           sum_scale,
                                           sum_zero_point,
                                           residual_first,
                                           quantize_input};

  return {{"FusedConv", 2, 4, 1, convolution, infer_fused_conv, evaluate_fused_conv, ItemRule::convolution,
           OpKind::product, Codes::reals, 0},
          {"FusedMatMul", 2, 4, 1, product, infer_fused_matmul, evaluate_fused_matmul, ItemRule::product,
           OpKind::product, Codes::reals, 0},
          {"FusedGate",
           2,
           2,
           1,
           {},
           infer_fused_gate,
           evaluate_fused_gate,
           ItemRule::broadcast,
           OpKind::elementwise,
           Codes::reals,
           0},
          {"FusedAttention", 1, 4, 1, attention_attributes(), infer_fused_attention, evaluate_fused_attention,
           ItemRule::attention, OpKind::product, Codes::reals, 0}};
}

}  // namespace tessera
