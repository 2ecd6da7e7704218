#include "plan/emit_gemm.hpp"

#include <numeric>

namespace tessera {

Epilogue make_epilogue(Builder& builder, const Node& node, const BrgemmKernel& kernel, const GemmWeights& weights,
                       const Value& x, ValueId bias, ValueId residual) {
  const Value& y = builder.value(node.outputs[0]);
  Epilogue epilogue;
  fill_epilogue(builder, kernel, weights, x, bias == no_value ? nullptr : &builder.value(bias), epilogue);
  if (residual != no_value) {
    epilogue.residual_type = builder.value(residual).type;
    epilogue.residual = dequantization(builder.value(residual));
    if (const float* scale = node.find_attribute<float>("sum_scale")) {
      const auto zero_point = static_cast<std::int32_t>(node.attribute_or<std::int64_t>("sum_zero_point", 0));
      epilogue.rounds_sum = true;
      epilogue.sum_to_u8 = {1.0F / *scale, zero_point};
      epilogue.sum_from_u8 = {*scale, zero_point};
    }
  }
  epilogue.activation = activation_of(node);
  epilogue.c_type = y.type;
  epilogue.requantize = requantization(y);
  return epilogue;
}

void emit_gemm(Builder& builder, const Node& node, const BrgemmKernel& kernel, GemmSpec spec,
               const GemmWeights& weights, const Value& x, ValueId bias, ValueId residual) {
  const Value& y = builder.value(node.outputs[0]);
  spec.weights = pack_weights(builder, kernel, weights);
  spec.epilogue = make_epilogue(builder, node, kernel, weights, x, bias, residual);

  const std::int64_t k = std::accumulate(weights.segment_k.begin(), weights.segment_k.end(), std::int64_t{0});
  const std::int64_t outputs = builder.shape(node.outputs[0]).elements();
  auto step = std::make_unique<GemmStep>(kernel, builder.vector(), spec);
  step->info = {node.name,
                node.op,
                kernel.name,
                std::string(name_of(kernel.isa)),
                gemm_precision(kernel, y.type),
                "",
                2e-9 * static_cast<double>(outputs) * static_cast<double>(k),
                0};
  builder.emit(std::move(step), {spec.a.buffer, spec.row_scale, spec.residual.buffer}, {spec.c.buffer});
}

}  // namespace tessera
