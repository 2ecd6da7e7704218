// TileSession: what is kept from one kernel call to the next on one thread: the configuration of the tiles, and rows
// whose products are done and whose epilogue is not.
#pragma once

#include "kernels/brgemm/brgemm.hpp"

namespace tessera {

/// Configuring and releasing tiles costs as much as a short product, so kernels load a configuration only when it is
/// not the loaded one, and release happens once, when the session ends.
///
/// The epilogue of a block runs in the vector units while the tile unit multiplies the next one, so a kernel may leave
/// the last rows of a block unfinished. Whoever holds the session calls finish() before C is read or the arrays that
/// the block points to (c_rows, residual_rows, the epilogue) change; the end of the session does it too.
///
/// A session belongs to one thread and must not outlive the loop: tiles in use make every context switch save 8 KiB.
/// Costs nothing where no kernel uses tiles. Everything is inlined by force: translation units of all tiers include
/// this file.
class TileSession {
 public:
  /// Rows row..row+rows-1 of `block`, whose sums lie at `sums`; rows == 0: nothing is left to do.
  struct Unfinished {
    BrgemmBlock block;
    int row = 0, rows = 0;
    const std::byte* sums = nullptr;
    void (*finish)(const BrgemmBlock& block, int row, int rows, const std::byte* sums) = nullptr;
    const void* owner = nullptr;  ///< what kind of kernel left it
  };

  [[gnu::always_inline]] TileSession() noexcept {}
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;
  [[gnu::always_inline]] ~TileSession() {
    finish();
    if (release_ != nullptr) release_();
  }

  /// Finishes what a kernel has left.
  [[gnu::always_inline]] void finish() noexcept {
    if (unfinished_.rows == 0) return;
    unfinished_.finish(unfinished_.block, unfinished_.row, unfinished_.rows, unfinished_.sums);
    unfinished_.rows = 0;
  }

  /// For kernels. `Tiles` is a tile unit; `configuration` is in static memory.
  template <class Tiles, class Configuration>
  [[gnu::always_inline]] void configure(const Configuration& configuration) noexcept {
    if (loaded_ == &configuration) return;
    Tiles::configure(configuration);
    loaded_ = &configuration;
    release_ = Tiles::release;
  }

  /// For kernels: what there is to finish, to be done row by row. It is of the kind `owner`; any other is finished
  /// here.
  [[gnu::always_inline]] Unfinished& unfinished(const void* owner) noexcept {
    if (unfinished_.owner != owner) finish();
    return unfinished_;
  }

  /// For kernels: memory for the sums of 32 x 32 elements that may be left unfinished, other than the memory that is
  /// being finished.
  [[gnu::always_inline]] std::byte* next_sums() noexcept {
    which_ = 1 - which_;
    return sums_[which_];
  }

 private:
  alignas(64) std::byte sums_[2][32 * 32 * 4];
  int which_ = 0;
  const void* loaded_ = nullptr;
  void (*release_)() = nullptr;
  Unfinished unfinished_;
};

}  // namespace tessera
