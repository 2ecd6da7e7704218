// What is left of rows whose sums are in memory (their epilogue), in even portions that are done between products of
// other rows: the tile unit and the vector units then work at the same time. Between two products lie at least 16
// cycles, about what one row of 32 columns takes.
#pragma once

#include "kernels/brgemm/amx_tiles.hpp"
#include "kernels/brgemm/epilogue.hpp"
#include "kernels/brgemm/tile_session.hpp"

namespace tessera {
namespace {

/// When nothing is left, or nothing that can be divided.
struct NothingLeft {
  [[gnu::always_inline]] NothingLeft(const TileSession::Unfinished& /*unfinished*/, int /*products*/) {}
  [[gnu::always_inline]] void some() {}
  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& /*unfinished*/) const {}
};

/// How many of `units` to do after each product, so that none is left after the last.
TESSERA_INLINE int portion(int units, int products) {
  return products == 0 ? 0 : (units + products - 1) / products;
}

/// Rows of a whole panel of two tiles, some of them after each product.
template <class Columns>
class RowsLeft {
 public:
  [[gnu::always_inline]] RowsLeft(const TileSession::Unfinished& unfinished, int products)
      : block_(unfinished.block),
        left_(*block_.epilogue, block_.n0, 16),
        right_(*block_.epilogue, block_.n0 + 16, 16),
        row_(unfinished.row),
        end_(unfinished.row + unfinished.rows),
        portion_(portion(unfinished.rows, products)),
        sums_(unfinished.sums) {}

  [[gnu::always_inline]] void some() {
    const int stop = end_ - row_ < portion_ ? end_ : row_ + portion_;
    for (; row_ < stop; ++row_, sums_ += 2 * tile_row_bytes) {
      left_.template finish<true>(block_, row_, sums_);
      right_.template finish<true>(block_, row_, sums_ + tile_row_bytes);
    }
  }

  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& unfinished) const {
    unfinished.sums += (row_ - unfinished.row) * 2 * tile_row_bytes;
    unfinished.row = row_;
    unfinished.rows = end_ - row_;
  }

 private:
  const BrgemmBlock& block_;
  Columns left_, right_;
  int row_, end_, portion_;
  const std::byte* sums_;
};

/// The same for an activation that takes as long as a product or longer: single vectors, left and right of a row in
/// turns.
template <class Columns, Activation activation>
class VectorsLeft {
 public:
  [[gnu::always_inline]] VectorsLeft(const TileSession::Unfinished& unfinished, int products)
      : block_(unfinished.block),
        left_(*block_.epilogue, block_.n0, 16),
        right_(*block_.epilogue, block_.n0 + 16, 16),
        row_(unfinished.row),
        end_(unfinished.row + unfinished.rows),
        portion_(portion(2 * unfinished.rows, products)),
        sums_(unfinished.sums) {}

  [[gnu::always_inline]] void some() {
    for (int vectors = portion_; vectors > 0 && row_ < end_; --vectors) {
      if (!left_is_done_) {
        left_.template finish_as<activation>(block_, row_, sums_);
      } else {
        right_.template finish_as<activation>(block_, row_, sums_ + tile_row_bytes);
        ++row_;
        sums_ += 2 * tile_row_bytes;
      }
      left_is_done_ = !left_is_done_;
    }
  }

  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& unfinished) const {
    unfinished.sums += (row_ - unfinished.row) * 2 * tile_row_bytes;
    unfinished.row = row_;
    unfinished.rows = end_ - row_;
  }

 private:
  const BrgemmBlock& block_;
  Columns left_, right_;
  int row_, end_, portion_;
  const std::byte* sums_;
  bool left_is_done_ = false;  ///< of row_
};

/// A type as a value.
template <class T>
struct LeftAs {
  using Left = T;
};

/// f with the type that computes the activation of this epilogue vector by vector. There is one for the activations
/// that feed-forward layers have, without a residual; for others the answer is false, and f is not called.
template <Sums sums, class F>
TESSERA_INLINE bool for_vectors_left(const Epilogue& e, F f) {
  if (e.residual_rows != nullptr) return false;
  const auto with = [&](auto activation) TESSERA_LAMBDA {
    for_output<sums, Residual::none>(e.c_type, [&](auto finisher) TESSERA_LAMBDA {
      using Columns = typename decltype(finisher)::Columns;
      f(LeftAs<VectorsLeft<Columns, static_cast<Activation>(activation.value)>>{});
    });
    return true;
  };
  switch (e.activation) {
    case Activation::gelu: return with(Index<static_cast<int>(Activation::gelu)>{});
    case Activation::gelu_tanh: return with(Index<static_cast<int>(Activation::gelu_tanh)>{});
    case Activation::tanh: return with(Index<static_cast<int>(Activation::tanh)>{});
    default: return false;
  }
}

/// f with the type that does what is left of `unfinished` between products: whole panels of two tiles only.
template <Sums sums, class F>
TESSERA_INLINE void for_left(const TileSession::Unfinished& unfinished, F f) {
  if (unfinished.rows == 0 || unfinished.block.n != 2 * tile_row_bytes / 4) return f(LeftAs<NothingLeft>{});
  const Epilogue& e = *unfinished.block.epilogue;
  const bool in_steps = sums == Sums::s32 && e.in_steps_of_c;
  if (!in_steps && (e.row_scale != nullptr || e.rounds_sum)) return f(LeftAs<NothingLeft>{});
  if (!in_steps && is_transcendental(e.activation)) {
    if (!for_vectors_left<sums>(e, f)) f(LeftAs<NothingLeft>{});
    return;
  }
  for_finisher<sums>(
      e, [&](auto finisher) TESSERA_LAMBDA { f(LeftAs<RowsLeft<typename decltype(finisher)::Columns>>{}); });
}

}  // namespace
}  // namespace tessera
