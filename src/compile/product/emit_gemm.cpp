#include "compile/product/emit_gemm.hpp"

#include <cmath>

#include "compile/layout/activation.hpp"
#include "compile/product/algorithms.hpp"
#include "compile/product/byte_products.hpp"
#include "cpu/topology.hpp"

namespace tessera {

namespace {

/// What a kernel adds to the sums of one node, and what it makes of them, in reals.
struct Finish {
  const Value* bias = nullptr;
  const Value* residual = nullptr;
  const float* sum_scale = nullptr;  ///< null: the sum is not rounded before the residual is added
  std::int32_t sum_zero_point = 0;
  bool residual_first = false;  ///< it is the first operand of the addition
  ActivationCall activation;
};

Finish finish_of(const Builder& builder, const Node& node, ValueId bias, ValueId residual) {
  Finish finish;
  if (bias != no_value) finish.bias = &builder.value(bias);
  finish.activation = fused_activation(node);
  if (residual == no_value) return finish;
  finish.residual = &builder.value(residual);
  finish.sum_scale = node.find_attribute<float>("sum_scale");
  finish.sum_zero_point = static_cast<std::int32_t>(node.attribute_or<std::int64_t>("sum_zero_point", 0));
  finish.residual_first = node.attribute_or<std::int64_t>("residual_first", 0) != 0;
  return finish;
}

/// Epilogue::in_steps_of_c promises that no value is larger.
constexpr double most_steps = 1 << 30;

/// Whether kernels may count in steps of C: see Epilogue::in_steps_of_c.
bool can_count_in_steps(const GemmWeights& weights, const Value& x, const Value& y, const Finish& finish) {
  if (weights.value->constant.type() != DataType::s8 || y.type != DataType::u8) return false;
  const Requantize requantize = requantization(y);
  if (!is_cut_by_u8(finish.activation, requantize)) return false;
  double most = finish.sum_scale != nullptr ? 255.0 * static_cast<double>(*finish.sum_scale)
                                            : most_magnitude(weights, x, finish.bias);
  if (finish.residual != nullptr) {
    if (finish.residual->type != DataType::u8) return false;
    most += 255.0 * static_cast<double>(dequantization(*finish.residual).scale);
  }
  return most < most_steps * static_cast<double>(requantize.scale);  // false for NaN
}

/// The constants of an epilogue that counts in steps of C; returns what the column arrays count in. Quotients of scales
/// are rounded to f32 where ONNX Runtime rounds them, and terms added in its order: the same sums then round to the
/// same bytes (decision 31).
ColumnUnits count_in_steps(const Finish& finish, Epilogue& epilogue) {
  const float step = epilogue.requantize.scale;
  epilogue.in_steps_of_c = true;
  epilogue.activation = Activation::none;  // rounding to u8 cuts what it would
  epilogue.requantize.scale = 1;
  if (finish.residual == nullptr) return {step, 0};
  const Dequantize residual = epilogue.residual;
  const float residual_steps = residual.scale / step;
  const float residual_zero = residual_steps * static_cast<float>(residual.zero_point);
  epilogue.residual = {residual_steps, 0};
  if (finish.sum_scale == nullptr) return {step, -residual_zero};
  // The sum counts in its own steps until it has been rounded; then bytes are added as they are, and the zero points of
  // all three with them.
  const float sum_steps = *finish.sum_scale / step;
  epilogue.sum_to_u8.scale = 1;
  epilogue.sum_from_u8 = {sum_steps, 0};
  const auto sum_zero_point = static_cast<float>(finish.sum_zero_point),
             residual_zero_point = static_cast<float>(residual.zero_point);
  // Of both zero points the one of the second operand is rounded before the other is added.
  const float zero = finish.residual_first ? std::fma(residual_steps, residual_zero_point, sum_steps * sum_zero_point)
                                           : std::fma(sum_steps, sum_zero_point, residual_zero);
  epilogue.sum_offset = static_cast<float>(epilogue.requantize.zero_point) - zero;
  epilogue.requantize.zero_point = 0;
  return {*finish.sum_scale, 0};
}

KeptEpilogue new_epilogue(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights, const Value& x,
                          const Value& y, const Finish& finish, bool scaled_at_run_time) {
  KeptEpilogue kept;
  Epilogue& epilogue = kept.epilogue;
  epilogue.activation = finish.activation.activation;
  epilogue.parameters = finish.activation.parameters;
  epilogue.c_type = y.type;
  epilogue.requantize = requantization(y);
  if (finish.residual != nullptr) {
    epilogue.residual_type = finish.residual->type;
    epilogue.residual = dequantization(*finish.residual);
  }
  if (finish.sum_scale != nullptr) {
    epilogue.rounds_sum = true;
    epilogue.sum_to_u8 = {*finish.sum_scale, finish.sum_zero_point};
    epilogue.sum_from_u8 = {*finish.sum_scale, finish.sum_zero_point};
  }
  ColumnUnits units;
  if (!scaled_at_run_time && can_count_in_steps(weights, x, y, finish)) units = count_in_steps(finish, epilogue);
  const bool adds_bias_to_sums = !scaled_at_run_time && weights.value->constant.type() == DataType::s8;
  fill_epilogue(builder, kernel, weights, x, {finish.bias, adds_bias_to_sums}, units, kept);
  return kept;
}

}  // namespace

Epilogue make_epilogue(Builder& builder, const Node& node, const BrgemmKernel& kernel, const GemmWeights& weights,
                       const Value& x, ValueId bias, ValueId residual, bool scaled_at_run_time) {
  const auto make = [&] {
    return new_epilogue(builder, kernel, weights, x, builder.value(node.outputs[0]),
                        finish_of(builder, node, bias, residual), scaled_at_run_time);
  };
  const EpilogueSource source{weights.value->constant, bias == no_value ? Tensor() : builder.value(bias).constant};
  const KeptEpilogue& kept = builder.epilogues().get(node.outputs[0], kernel, geometry_of(weights), source, make);
  for (const auto& array : kept.arrays) builder.keep(array, false);
  return kept.epilogue;
}

void emit_gemm(Builder& builder, const Node& node, const BrgemmKernel& chosen, GemmSpec spec,
               const GemmWeights& weights, const Value& x, ValueId bias, ValueId residual) {
  Product product{node, weights, choose_operands(builder, node, chosen, spec, weights), std::move(spec), {}};
  const BrgemmKernel& kernel = *product.operands.kernel;
  GemmSpec& filled = product.spec;
  const bool scaled_at_run_time = filled.row_scale != no_buffer || filled.dequantize_a != no_buffer;
  filled.epilogue = make_epilogue(builder, node, kernel, weights, x, bias, residual, scaled_at_run_time);
  if (has_tiles(kernel.isa)) filled.l2_bytes = static_cast<std::int64_t>(l2_bytes_of_a_core());
  if (!product.operands.matched) {
    filled.weights = pack_weights(builder, kernel, weights);
    filled.overflows = marks_of(kernel, weights, filled.weights);
    filled.row_sum_factors = row_sum_factors(builder, kernel, weights);
  }
  const auto outputs = static_cast<double>(builder.shape(node.outputs[0]).elements());
  product.info = {node.name,
                  node.op,
                  kernel.name,
                  std::string(name_of(kernel.isa)),
                  gemm_precision(kernel, builder.value(node.outputs[0]).type),
                  "",
                  2e-9 * outputs * static_cast<double>(total_k(weights)),
                  0};
  for (const ProductAlgorithm lower : product_algorithms())
    if (lower(builder, product)) return;
}

}  // namespace tessera
