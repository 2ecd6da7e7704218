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
  template <bool plain>
  [[gnu::always_inline]] F32x16 apply(const Epilogue& /*e*/, int /*row*/, const std::byte* sum) const {
    return add(load_f32(sum), bias);
  }
};

template <>
struct ColumnConstants<Sums::s32> {
  S32x16 compensation;
  F32x16 scale, bias;
  [[gnu::always_inline]] ColumnConstants(const Epilogue& e, int column)
      : compensation(e.compensation == nullptr ? set1_s32(0) : load_s32(e.compensation + column)),
        scale(load_f32(e.scale + column)),
        bias(e.bias == nullptr ? zero() : load_f32(e.bias + column)) {}
  template <bool plain>
  [[gnu::always_inline]] F32x16 apply(const Epilogue& e, int row, const std::byte* sum) const {
    const F32x16 both = plain || e.row_scale == nullptr ? scale : mul(scale, set1(e.row_scale[row]));
    return fma(to_f32(add(load_s32(sum), compensation)), both, bias);
  }
};

/// `lanes` == 16 loads whole vectors, anything less touches only that many elements.
template <Residual residual>
TESSERA_INLINE F32x16 add_residual(F32x16 x, const std::byte* row, int column, int lanes,
                                   const Dequantizer& dequantizer) {
  if constexpr (residual == Residual::f32) {
    return add(x, lanes == 16 ? load_f32(row + column * 4) : load_f32_partial(row + column * 4, lanes));
  } else if constexpr (residual == Residual::bf16) {
    return add(x, lanes == 16 ? load_bf16(row + column * 2) : load_bf16_partial(row + column * 2, lanes));
  } else {
    const F32x16 q = lanes == 16 ? load_u8(row + column) : load_u8_partial(row + column, lanes);
    return fma(sub(q, dequantizer.zero_point), dequantizer.scale, x);
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

/// `lanes` columns from `column` on, with all that is the same for every row.
template <Sums sums, Residual residual, Output output>
struct FinishColumns {
  const Epilogue& e;
  int column, lanes;
  ColumnConstants<sums> constants;
  Dequantizer residual_dequantizer;
  RoundTrip sum_round_trip;
  Quantizer output_quantizer;
  F32x16 floor;
  bool is_transcendental;

  [[gnu::always_inline]] FinishColumns(const Epilogue& epilogue, int first_column, int columns)
      : e(epilogue),
        column(first_column),
        lanes(columns),
        constants(e, column),
        residual_dequantizer(dequantizer(e.residual)),
        sum_round_trip(round_trip(e.sum_to_u8, e.sum_from_u8)),
        output_quantizer(quantizer(e.requantize)),
        floor(e.activation == Activation::relu ? zero() : set1(-__builtin_inff())),
        is_transcendental(e.activation == Activation::gelu || e.activation == Activation::tanh) {}

  /// Row `row` of the block, whose sums from `column` on are at `sum`. Plain: no row_scale, no rounds_sum, no GELU, no
  /// tanh.
  template <bool plain = false>
  [[gnu::always_inline]] void finish(const BrgemmBlock& block, int row, const std::byte* sum) const {
    F32x16 x = constants.template apply<plain>(e, row, sum);
    if constexpr (residual != Residual::none) {
      if (!plain && e.rounds_sum) x = through_u8(x, sum_round_trip);
      x = add_residual<residual>(x, e.residual_rows[row], column, lanes, residual_dequantizer);
    }
    if constexpr (!plain)
      if (is_transcendental) x = transcendental(x, e.activation);
    x = max(floor, x);  // NaN passes
    store_output<output>(block.c_rows[row], column, lanes, x, output_quantizer);
  }
};

/// Rows row..row+rows-1 of the block; `tile` holds their sums, [rows][nr].
template <Sums sums, Residual residual, Output output, int nr>
void finish_rows(const BrgemmBlock& block, int row, int rows, const std::byte* tile) {
  for (int v = 0; v < block.n; v += 16, tile += 64) {
    if (block.n - v >= 16) {
      const FinishColumns<sums, residual, output> columns(*block.epilogue, block.n0 + v, 16);
      for (int r = 0; r < rows; ++r) columns.finish(block, row + r, tile + r * nr * 4);
    } else {
      const FinishColumns<sums, residual, output> columns(*block.epilogue, block.n0 + v, block.n - v);
      for (int r = 0; r < rows; ++r) columns.finish(block, row + r, tile + r * nr * 4);
    }
  }
}

template <Residual r, Output o>
struct EpilogueKind {
  static constexpr Residual residual = r;
  static constexpr Output output = o;
};

template <Residual residual, class F>
TESSERA_INLINE auto for_output(DataType type, F f) {
  switch (type) {
    case DataType::bf16: return f(EpilogueKind<residual, Output::bf16>{});
    case DataType::u8: return f(EpilogueKind<residual, Output::u8>{});
    default: return f(EpilogueKind<residual, Output::f32>{});
  }
}

/// f with the types of an epilogue as a constant.
template <class F>
TESSERA_INLINE auto for_kind_of(const Epilogue& e, F f) {
  if (e.residual_rows == nullptr) return for_output<Residual::none>(e.c_type, f);
  switch (e.residual_type) {
    case DataType::bf16: return for_output<Residual::bf16>(e.c_type, f);
    case DataType::u8: return for_output<Residual::u8>(e.c_type, f);
    default: return for_output<Residual::f32>(e.c_type, f);
  }
}

using FinishRows = void (*)(const BrgemmBlock& block, int row, int rows, const std::byte* tile);

template <Sums sums, int nr>
TESSERA_INLINE FinishRows finish_for(const Epilogue& e) {
  return for_kind_of(
      e, [](auto kind) TESSERA_LAMBDA -> FinishRows { return finish_rows<sums, kind.residual, kind.output, nr>; });
}

}  // namespace
}  // namespace tessera
