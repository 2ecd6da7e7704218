#include "compile/product/lower_matched.hpp"

#include <memory>

#include "compile/product/gemm_choices.hpp"
#include "compile/product/matched_weights.hpp"
#include "run/steps/matched_step.hpp"

namespace tessera {
namespace {

/// What interleaving rows and turning sums adds to the time of a product on its own.
constexpr double matched_in_a_layer = 1.08;

}  // namespace

bool can_be_matched(const Builder& builder, const BrgemmKernel& chosen, const GemmSpec& spec,
                    const GemmWeights& weights) {
  const bool words = chosen.a == DataType::s16;
  const bool is_offered = builder.vector().matched_bytes != nullptr && !has_int8_dot(chosen.isa);
  return words && is_offered && spec.a.type == DataType::u8 && spec.groups == 1 && spec.dequantize_a == no_buffer &&
         !has_zero_points(*weights.value);
}

double cost_of_matched(WeightStore& store, const MachineConstants& machine, const GemmWeights& weights) {
  return matched_in_a_layer * machine.bytes_matched * matched_excess(store, weights);
}

bool lower_matched(Builder& builder, const Product& product) {
  if (!product.operands.matched) return false;
  const GemmSpec& gemm = product.spec;
  const MatchedSpec spec{gemm, matched_k(product.weights), matched_weights(builder, product.weights)};
  auto step = std::make_unique<MatchedStep>(*product.operands.kernel, *builder.vector().matched_bytes, spec);
  step->divide_as(choose_division(builder, product.node, step->grid()));
  step->info = product.info;
  step->info.kernel = matched_name;
  step->info.choices = builder.take_choices();
  builder.emit(std::move(step), {gemm.a.buffer, gemm.row_scale, gemm.residual.buffer}, {gemm.c.buffer});
  return true;
}

}  // namespace tessera
