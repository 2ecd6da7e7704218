// TileSession: what is kept from one kernel call to the next on one thread: the configuration of the tiles, sums that
// are still in the tiles, and sums in memory whose epilogue is not done.
#pragma once

#include "kernels/brgemm/brgemm.hpp"

namespace tessera {

/// Configuring and releasing tiles costs as much as a short product, so kernels load a configuration only when it is
/// not the loaded one, and release happens once, when the session ends.
///
/// What follows the products of some rows is done while the tile unit multiplies the next rows, in two stages: their
/// sums stay in the tiles until the next rows need these, and their epilogue runs in the vector units during the
/// products after that. So a kernel may leave the last rows of two calls behind. Whoever holds the session calls
/// finish() before C or the accumulators are read, and before the arrays that a block points to (c_rows,
/// residual_rows, the epilogue) change; the end of the session does it too.
///
/// A session belongs to one thread and must not outlive the loop: tiles in use make every context switch save 8 KiB.
/// A thread may hold several sessions, though it has one set of tiles: the session that wants them takes them, and the
/// one that had them stores what was in them and configures them anew when it goes on.
/// Costs nothing where no kernel uses tiles. Everything that runs for each block is inlined by force: translation units
/// of all tiers include this file.
class TileSession {
 public:
  /// Rows row..row+rows-1 of `block`, whose products are done; rows == 0: nothing is left to do.
  struct Unfinished {
    BrgemmBlock block;
    int row = 0, rows = 0;
    int lower = 0;              ///< the first row of the lower row tile, counted from `row`
    std::byte* sums = nullptr;  ///< [rows][panel]
    /// Makes C of the sums in memory. Null: the sums are all that was asked for.
    void (*finish)(const BrgemmBlock& block, int row, int rows, const std::byte* sums) = nullptr;
  };
  /// A kernel as the session sees it: an object in static memory, whose address says which kernel it is.
  struct Kernel {
    void (*store)(const Unfinished& rows);  ///< from the tiles to rows.sums
  };

  [[gnu::always_inline]] TileSession() noexcept {}
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;
  [[gnu::always_inline]] ~TileSession() {
    finish();
    if (release_ != nullptr) release_tiles();
  }

  /// Finishes all that kernels have left.
  [[gnu::always_inline]] void finish() noexcept {
    finish_stored();
    if (in_tiles().rows == 0) return;
    kernel_->store(in_tiles());
    finish(in_tiles());
  }

  /// For kernels. `Tiles` is a tile unit; `configuration` is in static memory.
  template <class Tiles, class Configuration>
  [[gnu::always_inline]] void configure(const Configuration& configuration) noexcept {
    if (loaded_ == &configuration) return;
    if (release_ == nullptr) take_tiles();
    Tiles::configure(configuration);
    loaded_ = &configuration;
    release_ = Tiles::release;
  }

  /// For kernels: the same before a block. What stored() and in_tiles() hold then was left by the same kernel with the
  /// same configuration; anything else is finished here.
  template <class Tiles, class Configuration>
  [[gnu::always_inline]] void begin(const Kernel& kernel, const Configuration& configuration) noexcept {
    if (kernel_ == &kernel && loaded_ == &configuration) return;
    finish();
    kernel_ = &kernel;
    configure<Tiles>(configuration);
  }

  /// For kernels: rows whose sums are in memory, and rows whose sums are in the tiles.
  [[gnu::always_inline]] Unfinished& stored() noexcept { return rows_[1 - newest_]; }
  [[gnu::always_inline]] Unfinished& in_tiles() noexcept { return rows_[newest_]; }

  /// For kernels: finishes the rows of stored().
  [[gnu::always_inline]] void finish_stored() noexcept { finish(stored()); }

  /// For kernels: memory for the sums of the rows that leave() is told of next, 32 x 32 of them.
  [[gnu::always_inline]] std::byte* next_sums() noexcept { return sums_[1 - newest_]; }

  /// For kernels, when stored() is finished and in_tiles() has been stored: `rows` are now in the tiles.
  [[gnu::always_inline]] void leave(const Unfinished& rows) noexcept {
    stored() = rows;
    newest_ = 1 - newest_;
    if (stored().finish == nullptr) stored().rows = 0;
  }

 private:
  /// Takes the tiles of this thread from the session that has them, if one does.
  void take_tiles() noexcept;
  void release_tiles() noexcept;

  [[gnu::always_inline]] static void finish(Unfinished& rows) noexcept {
    if (rows.rows != 0 && rows.finish != nullptr) rows.finish(rows.block, rows.row, rows.rows, rows.sums);
    rows.rows = 0;
  }

  alignas(64) std::byte sums_[2][32 * 32 * 4];
  Unfinished rows_[2];
  int newest_ = 0;
  const Kernel* kernel_ = nullptr;
  const void* loaded_ = nullptr;
  void (*release_)() = nullptr;  ///< null: this session does not have the tiles of its thread
};

}  // namespace tessera
