// ThreadTeam: a fixed set of pinned threads that run one function together. One fork per inference: the team enters a
// plan once, steps are separated by Team::barrier, and nothing on the way locks, allocates or calls the system while
// threads are busy.
#pragma once

#include <memory>
#include <span>

namespace tessera {

/// Counts the forks that lie between the start of the program and this process, from the first call on. Whoever waits
/// for threads or locks of before such a fork waits for ever.
unsigned forks_so_far() noexcept;

class ThreadTeam {
 public:
  /// `threads` members including the calling thread; more than there are CPUs is allowed. Member i > 0 is pinned to
  /// cpus[i] where given and inside the creator's affinity mask (failure to pin is no error). The calling thread is the
  /// program's own: run() only moves it to cpus[0] when it is on a worker's CPU, and never changes its mask.
  explicit ThreadTeam(int threads, std::span<const int> cpus = {});
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  [[nodiscard]] int size() const noexcept;

  /// A fork() leaves the child with the calling thread alone. In such a child this starts new workers, otherwise it
  /// does nothing. To be called before run() where a fork may have happened. Error{failed} when threads cannot be
  /// started.
  void renew_after_fork();

  /// Calls work(context, member) on every member, the caller being member 0, and returns when all have returned.
  /// Denormals are flushed (FTZ, DAZ) inside and the caller's MXCSR is restored. One run at a time, not from inside a
  /// run.
  void run(void (*work)(void* context, int member) noexcept, void* context) noexcept;

  /// Waits until every member has arrived; to be called by all members, inside run only. Bounded spin, then yields.
  void barrier() noexcept;

 private:
  struct State;
  void start();

  std::unique_ptr<State> state_;
  unsigned forks_;  ///< how many forks lay between the program's first team and this one's workers
};

}  // namespace tessera
