// Which session has the tiles of a thread.
#include "kernels/brgemm/tile_session.hpp"

namespace tessera {
namespace {

/// The session whose configuration the tiles of this thread have; null: they are released. Beside the thread's own data
/// (initial-exec), because memory that the loader finds on first use would be an allocation in the middle of a step.
[[gnu::tls_model("initial-exec")]] constinit thread_local TileSession* session_with_tiles = nullptr;

}  // namespace

void TileSession::take_tiles() noexcept {
  if (TileSession* const other = session_with_tiles; other != nullptr) {
    other->finish();
    other->kernel_ = nullptr;
    other->loaded_ = nullptr;
    other->release_ = nullptr;
  }
  session_with_tiles = this;
}

void TileSession::release_tiles() noexcept {
  release_();
  release_ = nullptr;
  session_with_tiles = nullptr;
}

}  // namespace tessera
