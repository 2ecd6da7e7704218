#include "compile/lower/lower.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

struct Entry {
  std::string_view op;
  Lowering lowering;
};

constexpr std::array entries = {
    Entry{"FusedConv", lower_conv},
    Entry{"Conv", lower_conv},
    Entry{"FusedMatMul", lower_linear},
    Entry{"MatMul", lower_linear},
    Entry{"MatMul", lower_product},
    Entry{"Gemm", lower_linear},
    Entry{"FusedAttention", lower_attention},
    Entry{"FusedRotary", lower_rotary},
    Entry{"MaxPool", lower_pool},
    Entry{"AveragePool", lower_pool},
    Entry{"GlobalAveragePool", lower_pool},
    Entry{"LayerNormalization", lower_layer_norm},
    Entry{"RMSNormalization", lower_layer_norm},
    Entry{"Softmax", lower_softmax},
    Entry{"Add", lower_elementwise},
    Entry{"Sub", lower_elementwise},
    Entry{"Mul", lower_elementwise},
    Entry{"Div", lower_elementwise},
    Entry{"Neg", lower_negative},
    Entry{"Relu", lower_elementwise},
    Entry{"Gelu", lower_elementwise},
    Entry{"Tanh", lower_elementwise},
    Entry{"FusedGate", lower_elementwise},
    Entry{"Clip", lower_elementwise},
    Entry{"Sigmoid", lower_elementwise},
    Entry{"HardSigmoid", lower_elementwise},
    Entry{"Swish", lower_elementwise},
    Entry{"HardSwish", lower_elementwise},
    Entry{"QuantizeLinear", lower_convert},
    Entry{"DequantizeLinear", lower_convert},
    Entry{"Cast", lower_convert},
    Entry{"Reshape", lower_view},
    Entry{"Flatten", lower_view},
    Entry{"Squeeze", lower_view},
    Entry{"Unsqueeze", lower_view},
    Entry{"Identity", lower_view},
    Entry{"Concat", lower_concat},
    Entry{"Transpose", lower_movement},
    Entry{"Slice", lower_movement},
    Entry{"Split", lower_movement},
    Entry{"Expand", lower_movement},
    Entry{"Tile", lower_movement},
    Entry{"DepthToSpace", lower_movement},
    Entry{"SpaceToDepth", lower_movement},
    Entry{"Gather", lower_table},
    Entry{"Gather", lower_movement},
    Entry{"Gather", lower_placed},
    Entry{"Pad", lower_placed},
    Entry{"Resize", lower_placed},
    Entry{"Resize", lower_interpolation},
    Entry{"GatherElements", lower_gather_elements},
    Entry{"Where", lower_select},
    Entry{"Einsum", lower_einsum},
    Entry{"ReduceMean", lower_reduction},
    Entry{"ReduceSum", lower_reduction},
    Entry{"ReduceMax", lower_reduction},
    Entry{"ReduceMin", lower_reduction},
    Entry{"ReduceProd", lower_reduction},
    Entry{"ReduceL1", lower_reduction},
    Entry{"ReduceL2", lower_reduction},
    Entry{"ReduceSumSquare", lower_reduction},
    Entry{"ReduceLogSum", lower_reduction},
};

bool is_empty(const Builder& builder, ValueId id) {
  return id != no_value && builder.shape(id).elements() == 0;
}

/// What has no elements needs no step, and no kernel then has to think of extents of 0.
bool lower_nothing(Builder& builder, const Node& node) {
  for (const ValueId id : node.outputs)
    if (id != no_value && !is_empty(builder, id)) return false;
  for (const ValueId id : node.outputs)
    if (id != no_value) builder.plain_output(id);
  return true;
}

/// Sums of no products are for plain code, for the same reason.
bool multiplies_nothing(const Builder& builder, const Node& node) {
  const OpSchema* schema = find_op(node.op);
  return schema != nullptr && schema->kind == OpKind::product &&
         std::ranges::any_of(node.inputs, [&](ValueId id) { return is_empty(builder, id); });
}

}  // namespace

void lower(Builder& builder, const Node& node) {
  if (lower_nothing(builder, node)) return;
  if (!multiplies_nothing(builder, node))
    for (const Entry& entry : entries)
      if (entry.op == node.op && entry.lowering(builder, node)) return;
  if (lower_elements(builder, node)) return;
  if (!lower_reference(builder, node))
    reject("node " + node.name + " (" + node.op + ")", "no kernel and no reference code runs it with these types",
           "try --precision fp32");
}

}  // namespace tessera
