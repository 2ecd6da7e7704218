// The constant side of a product: packed panels and the column arrays of its epilogue.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compile/layout/builder.hpp"
#include "kernels/brgemm/brgemm.hpp"

namespace tessera {

/// Weights of a product as [groups][columns][k], in the order of the segments, or transposed.
struct GemmWeights {
  const Value* value = nullptr;  ///< the constant (f32, or s8 with quantization)
  std::int64_t groups = 1;
  std::int64_t columns = 0;  ///< of one group
  std::vector<std::int64_t> segment_k;
  bool columns_innermost = false;  ///< the constant is [k][columns]
  std::int64_t taps = 1;  ///< > 1: the constant is [columns][channels][taps] (OIHW) and is reordered to taps first
};

/// What tells packed forms of one constant apart: "1/9/3/nk".
std::string geometry_of(const GemmWeights& weights);

/// Packs through the builder's weight store and returns the panels, group after group.
const std::byte* pack_weights(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights);

/// What column arrays count in: reals become real / step, and offset is added to what the bias makes of it.
struct ColumnUnits {
  float step = 1, offset = 0;
};

/// f32 [columns], or null. May be added to integer sums in their own unit, rounded, if the scale of A is known by now.
struct ColumnBias {
  const Value* value = nullptr;
  bool may_join_sums = false;
};

/// Column arrays [groups][columns padded to whole panels] for `x` times the weights: bias (null where nothing is left
/// of it and no offset asked for), and for integer products scale and compensation.
void fill_epilogue(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights, const Value& x,
                   const ColumnBias& bias, const ColumnUnits& units, KeptEpilogue& kept);

/// Rows of the matrix: of all segments together.
std::int64_t total_k(const GemmWeights& weights);

/// Whether integer weights stand for reals around another number than 0.
bool has_zero_points(const Value& weights);
/// Where weights have zero points: what each column takes of the sum of a row of A, [groups][padded columns]; else
/// null.
const std::int32_t* row_sum_factors(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights);

/// No product of `x` and integer weights plus bias is larger in magnitude than this.
double most_magnitude(const GemmWeights& weights, const Value& x, const Value* bias);

/// The kernel for `rows` rows of an activation of this type, or null: u8 x s8 (as s16 x s16 where there are no dot
/// products and many rows; byte_products.hpp), bf16 x bf16 (as f32 x bf16 likewise), f32 x f32.
const BrgemmKernel* gemm_kernel(const Builder& builder, const Value& x, const Value& weights, std::int64_t rows);

/// "u8*s8->f32"
std::string gemm_precision(const BrgemmKernel& kernel, DataType c);

}  // namespace tessera
