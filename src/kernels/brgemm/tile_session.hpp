// TileSession: what the tiles of AMX are configured to on this thread, held by whoever calls kernels in a loop.
#pragma once

namespace tessera {

/// Configuring and releasing tiles costs as much as a short product, so kernels load a configuration only when it is
/// not the loaded one, and release happens once, when the session ends. A session belongs to one thread and must not
/// outlive the loop: tiles in use make every context switch save 8 KiB. Costs nothing where no kernel uses tiles.
///
/// Everything is inlined by force: translation units of all tiers include this file.
class TileSession {
 public:
  [[gnu::always_inline]] TileSession() noexcept {}
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;
  [[gnu::always_inline]] ~TileSession() {
    if (loaded_ != nullptr) __asm__ volatile("tilerelease" ::: "memory");
  }

  /// For kernels: `configuration` is the operand of LDTILECFG, in static memory.
  template <class Configuration>
  [[gnu::always_inline]] void load(const Configuration& configuration) noexcept {
    static_assert(sizeof(Configuration) == 64);
    if (loaded_ == &configuration) return;
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration) : "memory");
    loaded_ = &configuration;
  }

 private:
  const void* loaded_ = nullptr;
};

}  // namespace tessera
