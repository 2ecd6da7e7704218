// Ctrl-C as a question that long work asks now and then, so that it can end in order: write what there is, leave
// nothing half-made behind.
#pragma once

namespace tessera::tool {

/// While one lives, the first SIGINT, SIGTERM or SIGHUP is only noted; the second one of a kind ends the program at
/// once, as it would without this. One at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();  ///< the handlers are as they were
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  /// Thrown out of work that reports its progress.
  struct Interrupted {};
  static void throw_if_interrupted() {
    if (interrupted()) throw Interrupted();
  }

  /// Whether a signal has come.
  [[nodiscard]] static bool interrupted() noexcept;
  /// 128 + the signal, as shells count: 130 for Ctrl-C. 0 where none has come.
  [[nodiscard]] static int exit_status() noexcept;
};

}  // namespace tessera::tool
