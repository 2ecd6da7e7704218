// What is left of rows whose sums are in memory (their epilogue), in even portions that are done between products of
// other rows: the tile unit and the vector units then work at the same time. Between two products lie at least 16
// cycles, about what one row of 32 columns takes.
#pragma once

#include "kernels/brgemm/amx_tiles.hpp"
#include "kernels/brgemm/epilogue.hpp"
#include "kernels/brgemm/finish_panel.hpp"
#include "kernels/brgemm/tile_session.hpp"

namespace tessera {
namespace {

constexpr int panel_columns = 2 * tile_row_bytes / 4, panel_sums_bytes = 2 * tile_row_bytes;

/// When nothing is left, or nothing that can be divided.
struct NothingLeft {
  [[gnu::always_inline]] NothingLeft(const TileSession::Unfinished& /*unfinished*/, int /*products*/) {}
  [[gnu::always_inline]] void some() {}
  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& /*unfinished*/) const {}
};

/// Divides `units` evenly among `products`: all are done after the last.
class EvenPortions {
 public:
  [[gnu::always_inline]] EvenPortions(int units, int products) : units_(units), products_(products) {}

  /// After each product: calls `work` for each unit that is due.
  template <class Work>
  [[gnu::always_inline]] void some(const Work& work) {
    for (due_ += units_; due_ >= products_; due_ -= products_) work();
  }

 private:
  int units_, products_, due_ = 0;
};

/// Rows row..end-1 of a block, and where their sums are.
struct RowsToFinish {
  const BrgemmBlock& block;
  int row, end;
  const std::byte* sums;

  [[gnu::always_inline]] explicit RowsToFinish(const TileSession::Unfinished& unfinished)
      : block(unfinished.block), row(unfinished.row), end(unfinished.row + unfinished.rows), sums(unfinished.sums) {}
  [[gnu::always_inline]] void skip(int count) {
    row += count;
    sums += count * panel_sums_bytes;
  }
  /// What is left of `unfinished` now.
  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& unfinished) const {
    unfinished.sums += (row - unfinished.row) * panel_sums_bytes;
    unfinished.row = row;
    unfinished.rows = row < end ? end - row : 0;
  }
};

/// Rows of a whole panel of two tiles, one by one.
template <class Columns>
class RowsLeft {
 public:
  [[gnu::always_inline]] RowsLeft(const TileSession::Unfinished& unfinished, int products)
      : rows_(unfinished),
        left_(*rows_.block.epilogue, rows_.block.n0, 16),
        right_(*rows_.block.epilogue, rows_.block.n0 + 16, 16),
        portions_(unfinished.rows, products) {}

  [[gnu::always_inline]] void some() {
    portions_.some([&]() TESSERA_LAMBDA {
      left_.template finish<true>(rows_.block, rows_.row, rows_.sums);
      right_.template finish<true>(rows_.block, rows_.row, rows_.sums + tile_row_bytes);
      rows_.skip(1);
    });
  }
  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& unfinished) const { rows_.keep_count(unfinished); }

 private:
  RowsToFinish rows_;
  Columns left_, right_;
  EvenPortions portions_;
};

/// The same for epilogues that count in steps of C: two rows at a time become bytes together.
template <class Panel>
class PairsLeft {
 public:
  [[gnu::always_inline]] PairsLeft(const TileSession::Unfinished& unfinished, int products)
      : rows_(unfinished), panel_(rows_.block), portions_((unfinished.rows + 1) / 2, products) {}

  [[gnu::always_inline]] void some() {
    portions_.some([&]() TESSERA_LAMBDA {
      const int more = rows_.row + 1 < rows_.end ? 1 : 0;
      panel_.finish(rows_.row, rows_.row + more, rows_.sums, rows_.sums + more * panel_sums_bytes);
      rows_.skip(2);
    });
  }
  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& unfinished) const { rows_.keep_count(unfinished); }

 private:
  RowsToFinish rows_;
  Panel panel_;
  EvenPortions portions_;
};

/// The same for an activation that takes as long as a product or longer: single vectors, left and right of a row in
/// turns.
template <class Columns, Activation activation>
class VectorsLeft {
 public:
  [[gnu::always_inline]] VectorsLeft(const TileSession::Unfinished& unfinished, int products)
      : rows_(unfinished),
        left_(*rows_.block.epilogue, rows_.block.n0, 16),
        right_(*rows_.block.epilogue, rows_.block.n0 + 16, 16),
        portions_(2 * unfinished.rows, products) {}

  [[gnu::always_inline]] void some() {
    portions_.some([&]() TESSERA_LAMBDA {
      if (!left_is_done_) {
        left_.template finish_as<activation>(rows_.block, rows_.row, rows_.sums);
      } else {
        right_.template finish_as<activation>(rows_.block, rows_.row, rows_.sums + tile_row_bytes);
        rows_.skip(1);
      }
      left_is_done_ = !left_is_done_;
    });
  }
  [[gnu::always_inline]] void keep_count(TileSession::Unfinished& unfinished) const { rows_.keep_count(unfinished); }

 private:
  RowsToFinish rows_;
  Columns left_, right_;
  EvenPortions portions_;
  bool left_is_done_ = false;  ///< of the next row
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

template <bool adds_compensation, class F>
TESSERA_INLINE void for_pairs_left(const Epilogue& e, F f) {
  if (e.residual_rows == nullptr) return f(LeftAs<PairsLeft<FinishPanel<Residual::none, false, adds_compensation>>>{});
  if (e.rounds_sum) return f(LeftAs<PairsLeft<FinishPanel<Residual::u8, true, adds_compensation>>>{});
  f(LeftAs<PairsLeft<FinishPanel<Residual::u8, false, adds_compensation>>>{});
}

/// f with the type that does what is left of `unfinished` between products: whole panels of two tiles only.
template <Sums sums, class F>
TESSERA_INLINE void for_left(const TileSession::Unfinished& unfinished, F f) {
  if (unfinished.rows == 0 || unfinished.block.n != panel_columns) return f(LeftAs<NothingLeft>{});
  const Epilogue& e = *unfinished.block.epilogue;
  if constexpr (vectors_in_rows == 2 && sums == Sums::s32) {
    if (e.in_steps_of_c) return e.compensation == nullptr ? for_pairs_left<false>(e, f) : for_pairs_left<true>(e, f);
  }
  const bool in_steps = sums == Sums::s32 && e.in_steps_of_c;
  if (!in_steps && (e.row_scale != nullptr || e.rounds_sum)) return f(LeftAs<NothingLeft>{});
  if (!in_steps && is_transcendental(e.activation)) {
    if (!for_vectors_left<sums>(e, f)) f(LeftAs<NothingLeft>{});
    return;
  }
  for_finisher<sums>(
      e, [&](auto finisher) TESSERA_LAMBDA { f(LeftAs<RowsLeft<typename decltype(finisher)::Columns>>{}); });
}

/// How the rows of a block are finished in one piece.
template <Sums sums, int nr>
TESSERA_INLINE FinishRows finish_in_one(const BrgemmBlock& block) {
  const Epilogue& e = *block.epilogue;
  if constexpr (vectors_in_rows == 2 && sums == Sums::s32 && nr == panel_columns) {
    if (e.in_steps_of_c && block.n == panel_columns)
      return e.compensation == nullptr ? finish_panel_for<false>(e) : finish_panel_for<true>(e);
  }
  return finish_for<sums, nr>(e);
}

}  // namespace
}  // namespace tessera
