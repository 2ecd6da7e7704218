// Linear layers -> GemmStep over a one-row image whose pixels are the rows of X.
#include "plan/gemm_weights.hpp"
#include "plan/lower.hpp"
#include "plan/steps/gemm_step.hpp"

namespace tessera {
namespace {

/// The operands of the three ops that are linear layers, in one form.
struct Linear {
  ValueId x, w, bias, residual;
  bool transposed;  ///< W is [N, K]
};

bool is_plain_gemm(const Node& node) {
  return node.attribute_or<float>("alpha", 1.0F) == 1.0F && node.attribute_or<float>("beta", 1.0F) == 1.0F &&
         node.attribute_or<std::int64_t>("transA", 0) == 0;
}

Linear operands_of(const Node& node) {
  const bool transposed = node.attribute_or<std::int64_t>("transB", 0) != 0;
  return {node.inputs[0], node.inputs[1], node.input(2), node.op == "FusedMatMul" ? node.input(3) : no_value,
          transposed};
}

bool fits(const Builder& builder, const Node& node, const Linear& linear) {
  if (node.op == "Gemm" && !is_plain_gemm(node)) return false;
  const Shape w = builder.shape(linear.w);
  if (w.rank() != 2 || builder.shape(linear.x).rank() < 2) return false;
  if (linear.bias != no_value) {
    const Value& bias = builder.value(linear.bias);
    const std::int64_t columns = linear.transposed ? w[0] : w[1];
    if (!bias.is_constant() || bias.constant.type() != DataType::f32 || bias.constant.shape().elements() != columns ||
        bias.constant.shape().back() != columns)
      return false;
  }
  return true;
}

}  // namespace

bool lower_linear(Builder& builder, const Node& node) {
  const Linear linear = operands_of(node);
  const Value& x = builder.value(linear.x);
  const Value& w = builder.value(linear.w);
  const BrgemmKernel* kernel = gemm_kernel(builder, x, w);
  if (kernel == nullptr || !fits(builder, node, linear)) return false;

  const Shape ws = builder.shape(linear.w), ys = builder.shape(node.outputs[0]);
  const std::int64_t k = linear.transposed ? ws[1] : ws[0];
  const std::int64_t columns = linear.transposed ? ws[0] : ws[1];
  const std::int64_t rows = ys.elements() / columns;
  const Value& y = builder.value(node.outputs[0]);

  GemmSpec spec;
  spec.columns = columns;
  spec.segments = {{0, k}};
  spec.a = Image::matrix(builder.plain_input(linear.x), x.type, rows, k);
  if (linear.residual != no_value) {
    const Value& residual = builder.value(linear.residual);
    spec.residual = Image::matrix(builder.plain_input(linear.residual), residual.type, rows, columns);
    spec.epilogue.residual_type = residual.type;
    spec.epilogue.residual = dequantization(residual);
  }
  spec.c = Image::matrix(builder.plain_output(node.outputs[0]), y.type, rows, columns);

  GemmWeights weights{&w, 1, columns, {k}, !linear.transposed, 1};
  spec.weights = pack_weights(builder, *kernel, weights);
  fill_epilogue(builder, *kernel, weights, x, linear.bias == no_value ? nullptr : &builder.value(linear.bias),
                spec.epilogue);
  spec.epilogue.activation = activation_of(node);
  spec.epilogue.c_type = y.type;
  spec.epilogue.requantize = requantization(y);

  auto step = std::make_unique<GemmStep>(*kernel, spec);
  step->info = {
      node.name, node.op, kernel->name, std::string(name_of(kernel->isa)), gemm_precision(*kernel, y.type), "", 0, 0};
  step->info.gflop = 2e-9 * static_cast<double>(rows * columns) * static_cast<double>(k);
  builder.emit(std::move(step), {spec.a.buffer, spec.residual.buffer}, {spec.c.buffer});
  return true;
}

}  // namespace tessera
