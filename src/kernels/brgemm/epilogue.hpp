// From accumulators to C: see Epilogue in brgemm.hpp for what is computed. The tile comes from memory (L1), not from
// registers: one store and load of each vector buys that this code exists once per combination of types and not once
// per tile height too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/simd/f32x16.hpp"
#include "kernels/simd/math.hpp"

namespace tessera {
namespace {

enum class Sums { f32, s32 };
enum class Residual { none, f32, bf16, u8 };
enum class Output { f32, bf16, u8 };

/// Long enough to be a call rather than to stand in every combination of types.
[[gnu::noinline]] F32x16 transcendental(F32x16 x, Activation activation) {
  return activate(activation, x);
}

/// What 16 columns need; neutral values stand for null pointers, so that the loop over rows asks nothing.
template <Sums sums>
struct ColumnConstants;

template <>
struct ColumnConstants<Sums::f32> {
  F32x16 bias;
  [[gnu::always_inline]] ColumnConstants(const Epilogue& e, int column)
      : bias(e.bias == nullptr ? set1(-0.0F) : load_f32(e.bias + column)) {}  // x + -0.0 is x, also for x = -0.0
  [[gnu::always_inline]] F32x16 apply(const std::byte* sum) const { return add(load_f32(sum), bias); }
};

template <>
struct ColumnConstants<Sums::s32> {
  S32x16 compensation;
  F32x16 scale, bias;
  [[gnu::always_inline]] ColumnConstants(const Epilogue& e, int column)
      : compensation(e.compensation == nullptr ? set1_s32(0) : load_s32(e.compensation + column)),
        scale(load_f32(e.scale + column)),
        bias(e.bias == nullptr ? zero() : load_f32(e.bias + column)) {}
  [[gnu::always_inline]] F32x16 apply(const std::byte* sum) const {
    return fma(to_f32(add(load_s32(sum), compensation)), scale, bias);
  }
};

/// `lanes` == 16 loads whole vectors, anything less touches only that many elements.
template <Residual residual>
TESSERA_INLINE F32x16 load_residual(const std::byte* row, int column, int lanes, const Dequantizer& dequantizer) {
  if constexpr (residual == Residual::f32) {
    return lanes == 16 ? load_f32(row + column * 4) : load_f32_partial(row + column * 4, lanes);
  } else if constexpr (residual == Residual::bf16) {
    return lanes == 16 ? load_bf16(row + column * 2) : load_bf16_partial(row + column * 2, lanes);
  } else {
    return lanes == 16 ? load_u8(row + column, dequantizer) : load_u8_partial(row + column, dequantizer, lanes);
  }
}

template <Output output>
TESSERA_INLINE void store_output(std::byte* row, int column, int lanes, F32x16 x, const Quantizer& quantizer) {
  if constexpr (output == Output::f32) {
    lanes == 16 ? store_f32(row + column * 4, x) : store_f32_partial(row + column * 4, x, lanes);
  } else if constexpr (output == Output::bf16) {
    lanes == 16 ? store_bf16(row + column * 2, x) : store_bf16_partial(row + column * 2, x, lanes);
  } else {
    lanes == 16 ? store_u8(row + column, x, quantizer) : store_u8_partial(row + column, x, quantizer, lanes);
  }
}

/// `lanes` columns of some rows from `column` on; `sums_of_row` points to those of the first row, nr apart.
template <Sums sums, Residual residual, Output output, int nr>
TESSERA_INLINE void finish_columns(const BrgemmBlock& block, int row, int rows, int column, int lanes,
                                   const std::byte* sums_of_row) {
  const Epilogue& e = *block.epilogue;
  const ColumnConstants<sums> constants(e, column);
  const Dequantizer residual_dequantizer = dequantizer(e.residual);
  const Quantizer output_quantizer = quantizer(e.requantize);
  const bool is_transcendental = e.activation == Activation::gelu || e.activation == Activation::tanh;
  const F32x16 floor = e.activation == Activation::relu ? zero() : set1(-__builtin_inff());
  for (int r = row; r < row + rows; ++r, sums_of_row += nr * 4) {
    F32x16 x = constants.apply(sums_of_row);
    if constexpr (residual != Residual::none)
      x = add(x, load_residual<residual>(e.residual_rows[r], column, lanes, residual_dequantizer));
    if (is_transcendental) x = transcendental(x, e.activation);
    x = max(floor, x);  // NaN passes
    store_output<output>(block.c_rows[r], column, lanes, x, output_quantizer);
  }
}

/// Rows row..row+rows-1 of the block; `tile` holds their sums, [rows][nr].
template <Sums sums, Residual residual, Output output, int nr>
void finish_rows(const BrgemmBlock& block, int row, int rows, const std::byte* tile) {
  for (int v = 0; v < block.n; v += 16) {
    if (block.n - v >= 16) {
      finish_columns<sums, residual, output, nr>(block, row, rows, block.n0 + v, 16, tile + v * 4);
    } else {
      finish_columns<sums, residual, output, nr>(block, row, rows, block.n0 + v, block.n - v, tile + v * 4);
    }
  }
}

using FinishRows = void (*)(const BrgemmBlock& block, int row, int rows, const std::byte* tile);

template <Sums sums, Residual residual, int nr>
FinishRows finish_for_output(DataType type) {
  switch (type) {
    case DataType::bf16: return finish_rows<sums, residual, Output::bf16, nr>;
    case DataType::u8: return finish_rows<sums, residual, Output::u8, nr>;
    default: return finish_rows<sums, residual, Output::f32, nr>;
  }
}

template <Sums sums, int nr>
FinishRows finish_for(const Epilogue& e) {
  if (e.residual_rows == nullptr) return finish_for_output<sums, Residual::none, nr>(e.c_type);
  switch (e.residual_type) {
    case DataType::bf16: return finish_for_output<sums, Residual::bf16, nr>(e.c_type);
    case DataType::u8: return finish_for_output<sums, Residual::u8, nr>(e.c_type);
    default: return finish_for_output<sums, Residual::f32, nr>(e.c_type);
  }
}

}  // namespace
}  // namespace tessera
