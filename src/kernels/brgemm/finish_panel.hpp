// The short way from s32 to u8 (Epilogue::in_steps_of_c) for whole panels: two rows at a time, which become bytes
// together. The same bytes as FinishColumnsInSteps, in fewer instructions.
#pragma once

#include "kernels/brgemm/epilogue.hpp"

namespace tessera {
namespace {

/// One panel, with all that is the same for every row. adds_compensation: the sums do not contain it yet.
template <Residual residual, bool rounds_sum, bool adds_compensation>
struct FinishPanel {
  static constexpr float largest_fractions = 12582912;  // 1.5 * 2^23
  const BrgemmBlock& block;
  S32x16 compensation[vectors_in_rows];
  F32x16 scale[vectors_in_rows], bias[vectors_in_rows];
  S32x16 sum_low, sum_high;
  F32x16 to_whole, from_whole, sum_scale, sum_offset, residual_scale;
  ZeroPoint zero_point;

  [[gnu::always_inline]] explicit FinishPanel(const BrgemmBlock& whole)
      : block(whole),
        to_whole(set1(largest_fractions)),
        from_whole(set1(largest_fractions - static_cast<float>(whole.epilogue->sum_to_u8.zero_point))),
        sum_scale(set1(whole.epilogue->sum_from_u8.scale)),
        sum_offset(set1(whole.epilogue->sum_offset)),
        residual_scale(set1(whole.epilogue->residual.scale)),
        zero_point(zero_point_of(whole.epilogue->requantize.zero_point)) {
    const Epilogue& e = *block.epilogue;
    sum_low = bits_of(from_whole);
    sum_high = add(sum_low, set1_s32(255));
    for (int v = 0; v < vectors_in_rows; ++v) {
      const int column = block.n0 + 16 * v;
      if constexpr (adds_compensation) compensation[v] = load_s32(e.compensation + column);
      scale[v] = load_f32(e.scale + column);
      bias[v] = e.bias == nullptr ? zero() : load_f32(e.bias + column);
    }
  }

  /// Two rows, whose sums are at `x` and `y`; they may be the same.
  [[gnu::always_inline]] void finish(int first, int second, const std::byte* x, const std::byte* y) const {
    S32x16 x_whole[vectors_in_rows], y_whole[vectors_in_rows];
    for (int v = 0; v < vectors_in_rows; ++v) x_whole[v] = in_steps(v, first, x);
    for (int v = 0; v < vectors_in_rows; ++v) y_whole[v] = in_steps(v, second, y);
    store_rows_u8<!rounds_sum>(block.c_rows[first] + block.n0, block.c_rows[second] + block.n0, x_whole, y_whole,
                               zero_point);
  }

 private:
  [[gnu::always_inline]] S32x16 in_steps(int v, int row, const std::byte* sums) const {
    S32x16 sum = load_s32(sums + 64 * v);
    if constexpr (adds_compensation) sum = add(sum, compensation[v]);
    const F32x16 x = fma(to_f32(sum), scale[v], bias[v]);
    if constexpr (!rounds_sum) return to_s32(plus_residual(v, row, x));
    // As in FinishColumnsInSteps, but cut to a u8 after the addition that rounds, and as integers, for which more ports
    // are there: floats from 0 on are in the order of their bits, and those below 0 are negative as integers too.
    const S32x16 cut = min(sum_high, max(sum_low, bits_of(add(x, to_whole))));
    const F32x16 q = sub(from_bits(cut), from_whole);
    return to_s32(fma(q, sum_scale, plus_residual(v, row, sum_offset)));
  }

  [[gnu::always_inline]] F32x16 plus_residual(int v, int row, F32x16 x) const {
    if constexpr (residual == Residual::none) return x;
    return fma(load_u8(block.epilogue->residual_rows[row] + block.n0 + 16 * v), residual_scale, x);
  }
};

/// As finish_rows.
template <Residual residual, bool rounds_sum, bool adds_compensation>
void finish_panel_rows(const BrgemmBlock& block, int row, int rows, const std::byte* tile) {
  constexpr int row_bytes = vectors_in_rows * 64;
  const FinishPanel<residual, rounds_sum, adds_compensation> panel(block);
  for (int r = 0; r < rows; r += 2, tile += 2 * row_bytes) {
    const int more = r + 1 < rows ? 1 : 0;
    panel.finish(row + r, row + r + more, tile, tile + more * row_bytes);
  }
}

template <bool adds_compensation>
TESSERA_INLINE FinishRows finish_panel_for(const Epilogue& e) {
  if (e.residual_rows == nullptr) return finish_panel_rows<Residual::none, false, adds_compensation>;
  if (e.rounds_sum) return finish_panel_rows<Residual::u8, true, adds_compensation>;
  return finish_panel_rows<Residual::u8, false, adds_compensation>;
}

}  // namespace
}  // namespace tessera
