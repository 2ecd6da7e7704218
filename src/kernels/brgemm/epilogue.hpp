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

/// One loop for each activation.
template <Activation activation>
TESSERA_INLINE void activate_vectors(float* values, int vectors, const ActivationParameters& parameters) {
  for (int v = 0; v < vectors; ++v)
    store_f32(values + 16 * v, activate(activation, parameters, load_f32(values + 16 * v)));
}

/// Long enough to be a call rather than to stand in every combination of types, and a call for many vectors in memory:
/// vectors as arguments would go through memory one by one, in halves.
[[gnu::noinline]] void transcendental(float* values, int vectors, const Epilogue& e) {
  switch (e.activation) {
    case Activation::gelu: return activate_vectors<Activation::gelu>(values, vectors, e.parameters);
    case Activation::tanh: return activate_vectors<Activation::tanh>(values, vectors, e.parameters);
    case Activation::sigmoid: return activate_vectors<Activation::sigmoid>(values, vectors, e.parameters);
    case Activation::hard_sigmoid: return activate_vectors<Activation::hard_sigmoid>(values, vectors, e.parameters);
    case Activation::swish: return activate_vectors<Activation::swish>(values, vectors, e.parameters);
    case Activation::hard_swish: return activate_vectors<Activation::hard_swish>(values, vectors, e.parameters);
    case Activation::gelu_tanh: return activate_vectors<Activation::gelu_tanh>(values, vectors, e.parameters);
    default: return;
  }
}
/// Whether the activation is more than a lower and an upper bound, which the loop over rows applies itself.
TESSERA_INLINE bool is_transcendental(Activation activation) {
  return activation != Activation::none && activation != Activation::relu && activation != Activation::clip;
}
TESSERA_INLINE float lower_bound(const Epilogue& e) {
  if (e.activation == Activation::relu) return 0;
  return e.activation == Activation::clip ? e.parameters.first : -__builtin_inff();
}
TESSERA_INLINE float upper_bound(const Epilogue& e) {
  return e.activation == Activation::clip ? e.parameters.second : __builtin_inff();
}
/// Rows that one such call serves.
constexpr int transcendental_rows = 8;

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

template <Sums sums, Output output>
TESSERA_INLINE void store_output(std::byte* row, int column, int lanes, F32x16 x, const Quantizer& quantizer) {
  if constexpr (output == Output::f32) {
    lanes == 16 ? store_f32(row + column * 4, x) : store_f32_partial(row + column * 4, x, lanes);
  } else if constexpr (output == Output::bf16) {
    const __m256i rounded = sums == Sums::f32 ? product_to_bf16(x) : f32_to_bf16(x);
    lanes == 16 ? store_16x16(row + column * 2, rounded) : store_16x16_partial(row + column * 2, rounded, lanes);
  } else {
    lanes == 16 ? store_u8(row + column, x, quantizer) : store_u8_partial(row + column, x, quantizer, lanes);
  }
}

/// `lanes` columns from `column` on, with all that is the same for every row.
template <Sums sums, Residual residual, Output output>
struct FinishColumns {
  static constexpr bool may_be_transcendental = true;
  const Epilogue& e;
  int column, lanes;
  ColumnConstants<sums> constants;
  Dequantizer residual_dequantizer;
  Quantizer sum_quantizer;
  Dequantizer sum_dequantizer;
  Quantizer output_quantizer;
  F32x16 floor, ceiling;

  [[gnu::always_inline]] FinishColumns(const Epilogue& epilogue, int first_column, int columns)
      : e(epilogue),
        column(first_column),
        lanes(columns),
        constants(e, column),
        residual_dequantizer(dequantizer(e.residual)),
        sum_quantizer(quantizer(e.sum_to_u8)),
        sum_dequantizer(dequantizer(e.sum_from_u8)),
        output_quantizer(quantizer(e.requantize)),
        floor(set1(lower_bound(e))),
        ceiling(set1(upper_bound(e))) {}

  /// Row `row` of the block, whose sums from `column` on are at `sum`. Plain: no row_scale, no rounds_sum. Not for
  /// activations that are transcendental.
  template <bool plain = false>
  [[gnu::always_inline]] void finish(const BrgemmBlock& block, int row, const std::byte* sum) const {
    store(block, row, clip(before_activation<plain>(row, sum), floor, ceiling));  // NaN passes
  }

  /// The same for any activation, which the compiler knows; plain.
  template <Activation activation>
  [[gnu::always_inline]] void finish_as(const BrgemmBlock& block, int row, const std::byte* sum) const {
    store(block, row, activate(activation, e.parameters, before_activation<true>(row, sum)));
  }

  /// The same for `rows` <= transcendental_rows rows with another activation; their sums are `stride` bytes apart.
  [[gnu::always_inline]] void finish_transcendental(const BrgemmBlock& block, int row, int rows, const std::byte* sum,
                                                    int stride) const {
    alignas(64) float x[transcendental_rows * 16];
    for (int r = 0; r < rows; ++r) store_f32(x + 16 * r, before_activation<false>(row + r, sum + r * stride));
    transcendental(x, rows, e);
    for (int r = 0; r < rows; ++r) store(block, row + r, load_f32(x + 16 * r));
  }

 private:
  template <bool plain>
  [[gnu::always_inline]] F32x16 before_activation(int row, const std::byte* sum) const {
    const F32x16 x = constants.template apply<plain>(e, row, sum);
    if constexpr (residual == Residual::none) return x;
    const auto plus_residual = [&](F32x16 y) TESSERA_LAMBDA {
      return add_residual<residual>(y, e.residual_rows[row], column, lanes, residual_dequantizer);
    };
    if (plain || !e.rounds_sum) return plus_residual(x);
    const F32x16 steps = sub(round_to_u8(x, sum_quantizer), sum_dequantizer.zero_point);
    return fma(steps, sum_dequantizer.scale, plus_residual(set1(e.sum_offset)));
  }

  [[gnu::always_inline]] void store(const BrgemmBlock& block, int row, F32x16 x) const {
    store_output<sums, output>(block.c_rows[row], column, lanes, x, output_quantizer);
  }
};

/// The same for epilogues that count in steps of C: s32 to u8, where what is left to do is to add and to round.
template <Residual residual, bool rounds_sum>
struct FinishColumnsInSteps {
  static constexpr bool may_be_transcendental = false;
  const Epilogue& e;
  int column, lanes;
  ColumnConstants<Sums::s32> constants;
  F32x16 residual_scale;
  F32x16 sum_low, sum_high, to_whole, from_whole, sum_scale, sum_offset;
  ZeroPoint zero_point;

  [[gnu::always_inline]] FinishColumnsInSteps(const Epilogue& epilogue, int first_column, int columns)
      : e(epilogue),
        column(first_column),
        lanes(columns),
        constants(e, column),
        residual_scale(set1(e.residual.scale)),
        sum_low(set1(static_cast<float>(-e.sum_to_u8.zero_point))),
        sum_high(set1(static_cast<float>(255 - e.sum_to_u8.zero_point))),
        to_whole(set1(largest_fractions)),
        from_whole(set1(largest_fractions - static_cast<float>(e.sum_to_u8.zero_point))),
        sum_scale(set1(e.sum_from_u8.scale)),
        sum_offset(set1(e.sum_offset)),
        zero_point(zero_point_of(e.requantize.zero_point)) {}

  template <bool plain = true>
  [[gnu::always_inline]] void finish(const BrgemmBlock& block, int row, const std::byte* sum) const {
    F32x16 x = constants.template apply<true>(e, row, sum);
    if constexpr (rounds_sum) {
      // A sum with a number whose last bit counts ones has no fraction. Taking that number off again, less the zero
      // point, leaves the u8: two additions, where rounding takes two operations on most CPUs and the zero point one.
      const F32x16 q = sub(add(min(sum_high, max(sum_low, x)), to_whole), from_whole);
      x = fma(q, sum_scale, plus_residual(row, sum_offset));
    } else {
      x = plus_residual(row, x);
    }
    const S32x16 whole = to_s32(x);
    const __m128i bytes = rounds_sum ? s32_to_u8_saturated(whole) : s32_to_u8_saturated(whole, zero_point);
    std::byte* to = block.c_rows[row] + column;
    lanes == 16 ? store_16x8(to, bytes) : store_16x8_partial(to, bytes, lanes);
  }

 private:
  static constexpr float largest_fractions = 12582912;  // 1.5 * 2^23
  [[gnu::always_inline]] F32x16 plus_residual(int row, F32x16 x) const {
    if constexpr (residual == Residual::none) return x;
    const std::byte* from = e.residual_rows[row] + column;
    return fma(lanes == 16 ? load_u8(from) : load_u8_partial(from, lanes), residual_scale, x);
  }
};

/// Rows row..row+rows-1 of `columns`; `tile` holds their sums, `stride` bytes from row to row.
template <class Columns>
TESSERA_INLINE void finish_column_rows(const Columns& columns, const BrgemmBlock& block, int row, int rows,
                                       const std::byte* tile, int stride) {
  if constexpr (Columns::may_be_transcendental) {
    if (is_transcendental(columns.e.activation)) {
      for (int r = 0; r < rows; r += transcendental_rows) {
        const int count = rows - r < transcendental_rows ? rows - r : transcendental_rows;
        columns.finish_transcendental(block, row + r, count, tile + r * stride, stride);
      }
      return;
    }
  }
  for (int r = 0; r < rows; ++r) columns.finish(block, row + r, tile + r * stride);
}

/// Two vectors of whole columns in one loop: what is the same for all columns, and pointers of rows, are loaded once.
template <class Columns>
TESSERA_INLINE void finish_column_pairs(const BrgemmBlock& block, int column, int row, int rows, const std::byte* tile,
                                        int stride) {
  const Columns left(*block.epilogue, column, 16), right(*block.epilogue, column + 16, 16);
  for (int r = 0; r < rows; ++r) {
    left.finish(block, row + r, tile + r * stride);
    right.finish(block, row + r, tile + r * stride + 64);
  }
}

/// Rows row..row+rows-1 of the block; `tile` holds their sums, [rows][nr].
template <class Columns, int nr>
void finish_rows(const BrgemmBlock& block, int row, int rows, const std::byte* tile) {
  if constexpr (nr == 32) {
    if (block.n == 32 && !is_transcendental(block.epilogue->activation))
      return finish_column_pairs<Columns>(block, block.n0, row, rows, tile, nr * 4);
  }
  for (int v = 0; v < block.n; v += 16, tile += 64) {
    // Two calls: in the first, lanes are known to be 16.
    if (block.n - v >= 16) {
      finish_column_rows(Columns(*block.epilogue, block.n0 + v, 16), block, row, rows, tile, nr * 4);
    } else {
      finish_column_rows(Columns(*block.epilogue, block.n0 + v, block.n - v), block, row, rows, tile, nr * 4);
    }
  }
}

/// A type as a value.
template <class T>
struct Finisher {
  using Columns = T;
};

template <Sums sums, Residual residual, class F>
TESSERA_INLINE auto for_output(DataType type, F f) {
  switch (type) {
    case DataType::bf16: return f(Finisher<FinishColumns<sums, residual, Output::bf16>>{});
    case DataType::u8: return f(Finisher<FinishColumns<sums, residual, Output::u8>>{});
    default: return f(Finisher<FinishColumns<sums, residual, Output::f32>>{});
  }
}

/// f with the type that finishes columns as this epilogue asks.
template <Sums sums, class F>
TESSERA_INLINE auto for_finisher(const Epilogue& e, F f) {
  if constexpr (sums == Sums::s32) {
    if (e.in_steps_of_c) {
      if (e.residual_rows == nullptr) return f(Finisher<FinishColumnsInSteps<Residual::none, false>>{});
      if (e.rounds_sum) return f(Finisher<FinishColumnsInSteps<Residual::u8, true>>{});
      return f(Finisher<FinishColumnsInSteps<Residual::u8, false>>{});
    }
  }
  if (e.residual_rows == nullptr) return for_output<sums, Residual::none>(e.c_type, f);
  switch (e.residual_type) {
    case DataType::bf16: return for_output<sums, Residual::bf16>(e.c_type, f);
    case DataType::u8: return for_output<sums, Residual::u8>(e.c_type, f);
    default: return for_output<sums, Residual::f32>(e.c_type, f);
  }
}

using FinishRows = void (*)(const BrgemmBlock& block, int row, int rows, const std::byte* tile);

template <Sums sums, int nr>
TESSERA_INLINE FinishRows finish_for(const Epilogue& e) {
  return for_finisher<sums>(e, [](auto finisher) TESSERA_LAMBDA -> FinishRows {
    return finish_rows<typename decltype(finisher)::Columns, nr>;
  });
}

}  // namespace
}  // namespace tessera
