#include "plan/emit_gemm.hpp"

#include <numeric>

namespace tessera {

void emit_gemm(Builder& builder, const Node& node, const BrgemmKernel& kernel, GemmSpec spec,
               const GemmWeights& weights, ValueId bias, ValueId residual) {
  const Value& x = builder.value(node.inputs[0]);
  const Value& y = builder.value(node.outputs[0]);
  spec.weights = pack_weights(builder, kernel, weights);
  fill_epilogue(builder, kernel, weights, x, bias == no_value ? nullptr : &builder.value(bias), spec.epilogue);
  if (residual != no_value) {
    spec.epilogue.residual_type = spec.residual.type;
    spec.epilogue.residual = dequantization(builder.value(residual));
  }
  spec.epilogue.activation = activation_of(node);
  spec.epilogue.c_type = y.type;
  spec.epilogue.requantize = requantization(y);

  const std::int64_t k = std::accumulate(weights.segment_k.begin(), weights.segment_k.end(), std::int64_t{0});
  const std::int64_t outputs = builder.shape(node.outputs[0]).elements();
  auto step = std::make_unique<GemmStep>(kernel, spec);
  step->info = {node.name,
                node.op,
                kernel.name,
                std::string(name_of(kernel.isa)),
                gemm_precision(kernel, y.type),
                "",
                2e-9 * static_cast<double>(outputs) * static_cast<double>(k),
                0};
  builder.emit(std::move(step), {spec.a.buffer, spec.residual.buffer}, {spec.c.buffer});
}

}  // namespace tessera
