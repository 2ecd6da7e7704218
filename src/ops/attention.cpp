// Attention of operator set 23: softmax(scale * Q K^T [softcap] [+ mask]) V for each head, of tensors [B, heads, S, D]
// or [B, S, heads * D]. Heads of Q may share heads of K and V. What carries keys and values from one call to the next
// (past, present) is not supported.
#include <cmath>
#include <limits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

/// Q, K or V: how many heads there are, and how many elements each has.
struct HeadDims {
  Dim batch, heads, length, depth;
};

std::int64_t stated_heads(const Node& node, const char* key) {
  const auto heads = node.attribute_or<std::int64_t>(key, 0);
  if (heads < 1) node_error(node, std::string("attribute ") + key + " is needed for inputs of rank 3");
  return heads;
}

HeadDims head_dims(const Graph& graph, const Node& node, std::size_t index) {
  const SymbolicShape& shape = input_value(graph, node, index).shape;
  if (shape.rank() == 4) return {shape.dims[0], shape.dims[1], shape.dims[2], shape.dims[3]};
  if (shape.rank() != 3) node_error(node, "input " + std::to_string(index) + " has neither rank 3 nor rank 4");
  const std::int64_t heads = stated_heads(node, index == 0 ? "q_num_heads" : "kv_num_heads");
  const Dim& width = shape.dims[2];
  if (width.known() && width.value() % heads != 0)
    node_error(node, std::to_string(heads) + " heads do not divide " + to_string(width));
  return {shape.dims[0], heads, shape.dims[1], width / Dim(heads)};
}

void refuse_what_is_not_computed(const Graph& graph, const Node& node) {
  for (const std::size_t index : {4U, 5U, 6U})
    if (node.has_input(index))
      node_error(node, "keys and values of an earlier call, and their lengths, are not supported",
                 "export the model without a cache");
  if (node.outputs.size() > 1)
    node_error(node, "only its first output is supported", "export the model without a cache");
  expect_type(graph, node, 3, {DataType::f32, DataType::boolean});
  for (std::size_t i = 0; i < 3; ++i) expect_type(graph, node, i, {DataType::f32});
}

void expect_mask(const Graph& graph, const Node& node, const SymbolicShape& scores) {
  if (!node.has_input(3)) return;
  const SymbolicShape& mask = input_value(graph, node, 3).shape;
  if (mask.rank() > scores.rank()) node_error(node, "its mask has shape " + to_string(mask));
  const SymbolicShape masked = broadcast_shape(node, mask, scores);
  for (std::size_t axis = 0; axis < scores.rank(); ++axis)
    expect_extent(node, "extent " + std::to_string(axis) + " of the masked scores", masked.dims[axis],
                  scores.dims[axis]);
}

void infer_attention(Graph& graph, const Node& node) {
  refuse_what_is_not_computed(graph, node);
  const HeadDims q = head_dims(graph, node, 0), k = head_dims(graph, node, 1), v = head_dims(graph, node, 2);
  expect_extent(node, "the depth of K", k.depth, q.depth);
  expect_extent(node, "the length of V", v.length, k.length);
  expect_extent(node, "the number of heads of V", v.heads, k.heads);
  if (q.heads.known() && k.heads.known() && (k.heads.value() == 0 || q.heads.value() % k.heads.value() != 0))
    node_error(node, to_string(k.heads) + " heads of K do not divide " + to_string(q.heads) + " heads of Q");
  expect_mask(graph, node, {q.batch, q.heads, q.length, k.length});
  const bool flat = input_value(graph, node, 0).shape.rank() == 3;
  set_output(
      graph, node, 0, DataType::f32,
      flat ? SymbolicShape{q.batch, q.length, q.heads * v.depth} : SymbolicShape{q.batch, q.heads, q.length, v.depth});
}

/// Where the rows of a tensor of heads lie.
struct HeadRows {
  const float* data = nullptr;
  std::int64_t batch = 0, head = 0, row = 0;  ///< elements from one to the next
  std::int64_t heads = 0, length = 0, depth = 0;

  HeadRows(const TensorView& tensor, std::int64_t stated_heads) : data(tensor.as<float>().data()) {
    const Shape& shape = tensor.shape;
    const bool flat = shape.rank() == 3;
    heads = flat ? stated_heads : shape[1];
    length = shape[flat ? 1 : 2];
    depth = flat ? shape[2] / heads : shape[3];
    row = flat ? shape[2] : depth;
    head = flat ? depth : length * depth;
    batch = heads * length * depth;
  }
  [[nodiscard]] const float* at(std::int64_t b, std::int64_t h, std::int64_t i) const noexcept {
    return data + b * batch + h * head + i * row;
  }
};

/// What is added to the score of a key.
class Mask {
 public:
  Mask(std::span<const TensorView> inputs, const Shape& scores) {
    if (!given(inputs, 3)) return;
    view_ = &inputs[3];
    strides_ = broadcast_strides(inputs[3].shape, scores);
  }
  [[nodiscard]] float operator()(std::int64_t b, std::int64_t h, std::int64_t query, std::int64_t key) const {
    if (view_ == nullptr) return 0.0F;
    const auto at =
        static_cast<std::size_t>(b * strides_[0] + h * strides_[1] + query * strides_[2] + key * strides_[3]);
    if (view_->type == DataType::f32) return view_->as<float>()[at];
    return view_->as<bool>()[at] ? 0.0F : -std::numeric_limits<float>::infinity();
  }

 private:
  const TensorView* view_ = nullptr;
  Strides strides_{};
};

void evaluate_attention(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const HeadRows q(inputs[0], node.attribute_or<std::int64_t>("q_num_heads", 0));
  const std::int64_t shared = node.attribute_or<std::int64_t>("kv_num_heads", 0);
  const HeadRows k(inputs[1], shared), v(inputs[2], shared);
  const HeadRows y_rows(outputs[0], q.heads);
  const std::int64_t batch = inputs[0].shape[0];
  const Mask mask(inputs, Shape{batch, q.heads, q.length, k.length});
  const float scale = node.attribute_or("scale", 1.0F / std::sqrt(static_cast<float>(q.depth)));
  const float cap = node.attribute_or("softcap", 0.0F);
  const bool causal = node.attribute_or<std::int64_t>("is_causal", 0) != 0;
  for (std::int64_t i = 0; i < batch * q.heads * q.length; ++i) {
    const std::int64_t query = i % q.length, h = i / q.length % q.heads, b = i / q.length / q.heads;
    const std::int64_t kv = h / (q.heads / k.heads), keys = causal ? std::min(k.length, query + 1) : k.length;
    const auto score = [&](std::int64_t key) {
      const float product = scale * dot(q.at(b, h, query), k.at(b, kv, key), q.depth);
      return (cap > 0.0F ? cap * std::tanh(product / cap) : product) + mask(b, h, query, key);
    };
    float* const y = outputs[0].as<float>().data() + (y_rows.at(b, h, query) - y_rows.data);
    float largest = -std::numeric_limits<float>::infinity(), total = 0.0F;
    for (std::int64_t key = 0; key < keys; ++key) largest = std::max(largest, score(key));
    std::fill_n(y, v.depth, 0.0F);
    if (largest == -std::numeric_limits<float>::infinity()) continue;  // it attends to nothing
    // The scores are computed twice, since there is no room to keep them.
    for (std::int64_t key = 0; key < keys; ++key) {
      const float weight = std::exp(score(key) - largest);
      total += weight;
      add_scaled(weight, v.at(b, kv, key), y, v.depth);
    }
    for (std::int64_t d = 0; d < v.depth; ++d) y[d] /= total;
  }
}

}  // namespace

std::vector<OpSchema> attention_ops() {
  using enum AttributeKind;
  return {{"Attention",
           3,
           7,
           4,
           {{"is_causal", integer},
            {"kv_num_heads", integer},
            {"q_num_heads", integer},
            {"qk_matmul_output_mode", integer},
            {"scale", real},
            {"softcap", real},
            {"softmax_precision", integer}},
           infer_attention,
           evaluate_attention,
           ItemRule::mixes,
           OpKind::other,
           Codes::numbers,
           23}};
}

}  // namespace tessera
