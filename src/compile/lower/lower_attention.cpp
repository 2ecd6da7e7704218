// FusedAttention -> AttentionStep.
#include <cmath>
#include <optional>
#include <string>

#include "compile/lower/lower.hpp"
#include "core/checked_size.hpp"
#include "run/steps/attention_step.hpp"

namespace tessera {
namespace {

/// Q, K and V side by side in one tensor, or three tensors.
void place_tokens(Builder& builder, const Node& node, std::int64_t hidden, AttentionSpec& spec) {
  const auto element = static_cast<std::int64_t>(size_of(spec.type));
  if (node.has_input(1)) {
    const auto tokens = [&](ValueId id) {
      const RowsPlace rows = builder.rows_input(id);
      return AttentionSpec::Tokens{rows.buffer, 0, builder.shape(id).back() * element + rows.gap};
    };
    spec.q = tokens(node.inputs[0]);
    spec.k = tokens(node.inputs[1]);
    spec.v = tokens(node.inputs[2]);
    return;
  }
  const RowsPlace qkv = builder.rows_input(node.inputs[0]);
  const std::int64_t stride = 3 * hidden * element + qkv.gap;
  spec.q = {qkv.buffer, 0, stride};
  spec.k = {qkv.buffer, hidden * element, stride};
  spec.v = {qkv.buffer, 2 * hidden * element, stride};
}

/// Strides of a mask broadcastable to [batch, heads, queries, keys]; false if it is not, or its last axis is broadcast.
bool place_mask(Builder& builder, ValueId mask, AttentionSpec& spec) {
  const Shape shape = builder.shape(mask);
  if (builder.value(mask).type != DataType::f32 || shape.rank() == 0 || shape.rank() > 4 || shape.back() != spec.keys)
    return false;
  const std::int64_t wanted[4] = {spec.batch, spec.heads, spec.queries, spec.keys};
  std::int64_t strides[4] = {0, 0, 0, 1};
  std::int64_t stride = 1;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    const std::int64_t extent = shape.back(i);
    if (extent != 1 && extent != wanted[3 - i]) return false;
    if (extent != 1) strides[3 - i] = stride;
    stride *= extent;
  }
  spec.mask = builder.plain_input(mask);
  spec.mask_batch_stride = strides[0];
  spec.mask_head_stride = strides[1];
  spec.mask_query_stride = strides[2];
  return true;
}

/// The u8 of a product's operand, from two attributes that fuse_attention has set.
std::optional<Dequantize> operand(const Node& node, const std::string& name) {
  const auto* scale = node.find_attribute<float>(name + "_scale");
  if (scale == nullptr) return std::nullopt;
  return Dequantize{*scale, static_cast<std::int32_t>(node.attribute_or<std::int64_t>(name + "_zero_point", 0))};
}
std::optional<AttentionSpec::Integers> operands(const Node& node, const std::string& left, const std::string& right) {
  const auto a = operand(node, left), b = operand(node, right);
  if (!a || !b) return std::nullopt;
  return AttentionSpec::Integers{*a, *b};
}

/// Bytes where an instruction multiplies them, else the s16 they are widened to.
const BrgemmKernel* integer_kernel(Isa isa, std::int64_t rows) {
  const BrgemmKernel* bytes = find_brgemm(DataType::u8, DataType::s8, isa, rows);
  if (bytes == nullptr || has_int8_dot(bytes->isa)) return bytes;
  return find_brgemm(DataType::s16, DataType::s16, isa, rows);
}

std::string types_of(const AttentionSpec& spec) {
  const std::string floats(name_of(spec.type));
  const auto product = [&](bool integers) { return integers ? std::string("u8") : floats; };
  const std::string first = product(spec.scores_in.has_value()), second = product(spec.context_in.has_value());
  return (first == second ? first : first + "," + second) + "->" + std::string(name_of(spec.y_type));
}

}  // namespace

bool lower_attention(Builder& builder, const Node& node) {
  const Value& x = builder.value(node.inputs[0]);
  if (x.type != DataType::f32 && x.type != DataType::bf16) return false;
  const Value& y = builder.value(node.outputs[0]);
  const Shape xs = builder.shape(node.inputs[0]), ys = builder.shape(node.outputs[0]);
  AttentionSpec spec;
  spec.scores_in = operands(node, "q", "k");
  spec.context_in = operands(node, "p", "v");
  const BrgemmKernel* const floats = find_brgemm(x.type, x.type, builder.isa(), ys[1]);
  const BrgemmKernel* const integers = integer_kernel(builder.isa(), ys[1]);
  const BrgemmKernel* const scores = spec.scores_in ? integers : floats;
  const BrgemmKernel* const context = spec.context_in ? integers : floats;
  if (scores == nullptr || context == nullptr) return false;

  spec.type = x.type;
  spec.batch = ys[0];
  spec.queries = ys[1];
  spec.keys = node.has_input(1) ? builder.shape(node.inputs[1])[1] : xs[1];
  spec.heads = node.attribute_or<std::int64_t>("num_heads", 1);
  spec.head_size = ys[2] / spec.heads;
  spec.sharing = spec.heads / node.attribute_or<std::int64_t>("kv_num_heads", spec.heads);
  spec.scale = node.attribute_or<float>("scale", 1.0F / std::sqrt(static_cast<float>(spec.head_size)));
  // The scores are no value of the graph, whose sizes are known to be sane.
  checked_bytes({spec.batch, spec.heads, spec.queries, spec.keys, 4}, "node " + node.name);
  spec.nan_is_zero = node.attribute_or<std::int64_t>("nan_is_zero", 0) != 0;
  if (node.has_input(3) && !place_mask(builder, node.inputs[3], spec)) return false;
  place_tokens(builder, node, ys[2], spec);
  const RowsPlace rows = builder.rows_output(node.outputs[0]);
  spec.y = rows.buffer;
  spec.y_type = y.type;
  spec.y_stride = ys[2] * static_cast<std::int64_t>(size_of(y.type)) + rows.gap;
  spec.y_quantization = requantization(y);

  auto step = std::make_unique<AttentionStep>(*scores, *context, builder.vector(), spec);
  step->info = {node.name, node.op, scores->name, std::string(name_of(scores->isa)), types_of(spec), "", 0, 0};
  step->info.gflop = 4e-9 * static_cast<double>(spec.batch * spec.heads * spec.queries) *
                     static_cast<double>(spec.keys * spec.head_size);
  builder.emit(std::move(step), {spec.q.buffer, spec.k.buffer, spec.v.buffer, spec.mask}, {spec.y});
  return true;
}

}  // namespace tessera
