// Linear layers -> GemmStep over a one-row image whose pixels are the rows of X. Float X times integer weights: X is
// quantized first, with one scale for all of it where a file says so (quantize_input), else each row with its own.
#include "compile/lower/lower.hpp"
#include "compile/product/emit_gemm.hpp"

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
  const Value& w = builder.value(linear.w);
  const bool quantizes = quantizes_at_run_time(builder.value(linear.x), w);
  const bool as_a_whole = node.attribute_or<std::int64_t>("quantize_input", 0) != 0;
  // The zero point of the whole is 1 until the step knows it (GemmSpec::dequantize_a).
  const Value x = quantizes ? as_integers(builder.value(linear.x), as_a_whole ? 1 : QuantizedRows::zero_point)
                            : builder.value(linear.x);
  if (!fits(builder, node, linear)) return false;

  const Shape ws = builder.shape(linear.w), ys = builder.shape(node.outputs[0]);
  const std::int64_t k = linear.transposed ? ws[1] : ws[0];
  const std::int64_t columns = linear.transposed ? ws[0] : ws[1];
  const std::int64_t rows = ys.elements() / columns;
  // The rows of [..., rows of an item, K]; of two dimensions nobody knows whether rows are items of their own.
  const std::int64_t items = ys.rank() > 2 && rows > 0 ? rows / ys[ys.rank() - 2] : std::max<std::int64_t>(1, rows);
  const BrgemmKernel* kernel = gemm_kernel(builder, x, w, rows);
  if (kernel == nullptr) return false;

  const Value& y = builder.value(node.outputs[0]);

  GemmSpec spec;
  spec.columns = columns;
  spec.segments = {{0, k}};
  if (quantizes && as_a_whole) {
    const QuantizedImage integers = builder.quantized_matrix(linear.x, rows, k);
    spec.a = Image::matrix(RowsPlace{integers.image.buffer, integers.image.gap}, x.type, rows, k, items);
    spec.dequantize_a = integers.parameters;
  } else if (quantizes) {
    const QuantizedRows integers = builder.quantized_rows(linear.x, rows, k);
    spec.a = Image::matrix(integers.rows, x.type, rows, k, items);
    spec.row_scale = integers.scales;
  } else {
    spec.a = Image::matrix(builder.rows_input(linear.x), x.type, rows, k, items);
  }
  if (linear.residual != no_value) {
    const Value& residual = builder.value(linear.residual);
    spec.residual = Image::matrix(builder.rows_input(linear.residual), residual.type, rows, columns, items);
  }
  spec.c = Image::matrix(builder.rows_output(node.outputs[0]), y.type, rows, columns, items);

  const GemmWeights weights{&w, 1, columns, {k}, !linear.transposed, 1};
  emit_gemm(builder, node, *kernel, std::move(spec), weights, x, linear.bias, linear.residual);
  return true;
}

}  // namespace tessera
