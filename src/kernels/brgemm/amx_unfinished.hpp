// What is left of the previous part (its epilogue) in portions that fit between two products of the present one: the
// tile unit and the vector units then work at the same time. Between two products lie at least 16 cycles, about what
// one row of 32 columns takes.
#pragma once

#include "kernels/brgemm/amx_tiles.hpp"
#include "kernels/brgemm/epilogue.hpp"
#include "kernels/brgemm/tile_session.hpp"

namespace tessera {
namespace {

/// When nothing is left, or nothing that is worth a loop of its own.
struct NothingLeft {
  [[gnu::always_inline]] explicit NothingLeft(const TileSession::Unfinished& /*unfinished*/) {}
  [[gnu::always_inline]] void some() {}
  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& /*unfinished*/) const {}
};

/// Rows of a whole panel of two tiles.
template <class Columns>
class RowsLeft {
 public:
  [[gnu::always_inline]] explicit RowsLeft(const TileSession::Unfinished& unfinished)
      : block_(unfinished.block),
        left_(*block_.epilogue, block_.n0, 16),
        right_(*block_.epilogue, block_.n0 + 16, 16),
        row_(unfinished.row),
        end_(unfinished.row + unfinished.rows),
        sums_(unfinished.sums) {}

  [[gnu::always_inline]] void some() {
    if (row_ == end_) return;
    left_.template finish<true>(block_, row_, sums_);
    right_.template finish<true>(block_, row_, sums_ + tile_row_bytes);
    ++row_;
    sums_ += 2 * tile_row_bytes;
  }

  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& unfinished) const {
    unfinished.row = row_;
    unfinished.rows = end_ - row_;
    unfinished.sums = sums_;
  }

 private:
  const BrgemmBlock& block_;
  Columns left_, right_;
  int row_, end_;
  const std::byte* sums_;
};

/// Whole panels and plain epilogues only: GELU or tanh take far longer than a product, which their call would only hold
/// up.
template <Sums sums>
TESSERA_INLINE bool can_interleave(const TileSession::Unfinished& unfinished) {
  if (unfinished.rows == 0 || unfinished.block.n != 2 * tile_row_bytes / 4) return false;
  const Epilogue& e = *unfinished.block.epilogue;
  if (sums == Sums::s32 && e.in_steps_of_c) return true;
  if (e.row_scale != nullptr || e.rounds_sum) return false;
  return e.activation == Activation::none || e.activation == Activation::relu;
}

}  // namespace
}  // namespace tessera
