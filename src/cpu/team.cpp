#include "cpu/team.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/error.hpp"
#include "cpu/affinity.hpp"
#include "cpu/float_environment.hpp"

namespace tessera {
namespace {

/// Atomics that different members write live on lines of their own.
constexpr std::size_t cache_line = 64;
/// Longer than the gap between two inferences of a busy program, too short to heat an idle one.
constexpr auto idle_spin = std::chrono::microseconds(500);
/// Pauses before a waiting member offers its CPU to others: about 50 to 200 microseconds; a handful when CPUs are
/// shared.
constexpr int patient_pauses = 4096, crowded_pauses = 32;

/// The team that last entered each CPU. Several sessions of one process often take turns on the same CPUs; a worker
/// that spins for its team's next run gives way as soon as another team enters. Only ever compared, never followed.
constinit std::array<std::atomic<const void*>, 8192> cpu_owner{};

void claim_cpu(int cpu, const void* team) noexcept {
  auto& owner = cpu_owner[static_cast<std::size_t>(cpu)];
  if (owner.load(std::memory_order_relaxed) != team) owner.store(team, std::memory_order_relaxed);
}

bool has_owner_slot(int cpu) noexcept {
  return cpu >= 0 && static_cast<std::size_t>(cpu) < cpu_owner.size();
}

/// Signals meant for the program must not land on a worker, which inherits the mask of its creator. Those that an
/// instruction raises, and the profiler's, stay open.
class BlockSignals {
 public:
  BlockSignals() noexcept {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int open : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGPROF}) sigdelset(&blocked, open);
    pthread_sigmask(SIG_BLOCK, &blocked, &saved_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t saved_;
};

/// Spins until done(), then keeps offering the CPU: the member waited for may need this very CPU.
template <typename Done>
void wait_until(int pauses, Done done) noexcept {
  for (int i = 0; i < pauses; ++i) {
    if (done()) return;
    _mm_pause();
  }
  while (!done()) std::this_thread::yield();
}

}  // namespace

struct ThreadTeam::State {
  using Work = void (*)(void* context, int member) noexcept;

  State(int threads, std::span<const int> wanted_cpus);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start_workers();
  void run_all(Work new_work, void* new_context) noexcept;
  void barrier() noexcept;

  const int size;
  std::vector<int> cpus;  ///< of each member; -1: not pinned
  bool crowded = false;   ///< members share CPUs: waiting members must make room
  int home_cpu = -1;      ///< member 0 keeps off its workers' CPUs by moving here

 private:
  void serve(int member) noexcept;
  void await_run(std::uint32_t seen, int cpu) noexcept;
  bool spin_for_run(std::uint32_t seen, int cpu) const noexcept;
  void release_workers() noexcept;
  void step_aside() noexcept;

  // Written by the caller while all workers wait; `generation` publishes them.
  Work work = nullptr;
  void* context = nullptr;
  bool stop = false;

  alignas(cache_line) std::atomic<std::uint32_t> generation = 0;  ///< one step per run
  alignas(cache_line) std::atomic<int> sleepers = 0;              ///< workers that need a wake-up call
  alignas(cache_line) std::atomic<int> running = 0;               ///< workers still inside work()
  alignas(cache_line) std::atomic<int> arrived = 0;               ///< members at the barrier
  alignas(cache_line) std::atomic<std::uint32_t> round = 0;       ///< one step per barrier passed
  std::vector<std::thread> workers;
};

ThreadTeam::State::State(int threads, std::span<const int> wanted_cpus) : size(threads), cpus(threads, -1) {
  const std::vector<int> mask = affinity_mask();
  std::vector<int> taken;
  for (std::size_t member = 0; member < std::min(cpus.size(), wanted_cpus.size()); ++member) {
    const int cpu = wanted_cpus[member];
    if (!has_owner_slot(cpu) || !std::ranges::binary_search(mask, cpu)) continue;
    crowded |= std::ranges::find(taken, cpu) != taken.end();
    taken.push_back(cpu);
    cpus[member] = cpu;
  }
  crowded |= !mask.empty() && cpus.size() > mask.size();
  if (!crowded) home_cpu = cpus[0];
}

ThreadTeam::State::~State() {
  stop = true;
  release_workers();
  for (std::thread& worker : workers) worker.join();
}

void ThreadTeam::State::start_workers() {
  const BlockSignals blocked;
  workers.reserve(static_cast<std::size_t>(size - 1));
  for (int member = 1; member < size; ++member) {
    workers.emplace_back([this, member]() noexcept { serve(member); });
  }
}

void ThreadTeam::State::serve(int member) noexcept {
  pthread_setname_np(pthread_self(), "tessera-worker");
  const int cpu = cpus[static_cast<std::size_t>(member)];
  if (cpu >= 0) pin_to(cpu);
  for (std::uint32_t seen = 0;; ++seen) {
    await_run(seen, cpu);
    if (stop) return;
    {
      const FloatEnvironment environment;
      work(context, member);
    }
    running.fetch_sub(1, std::memory_order_release);
  }
}

bool ThreadTeam::State::spin_for_run(std::uint32_t seen, int cpu) const noexcept {
  constexpr int pauses_per_look = 64;  // looking at the clock costs about as much as one pause
  const auto deadline = std::chrono::steady_clock::now() + (crowded ? std::chrono::microseconds(0) : idle_spin);
  do {
    for (int i = 0; i < pauses_per_look; ++i) {
      if (generation.load(std::memory_order_acquire) != seen) return true;
      _mm_pause();
    }
    if (cpu >= 0 && cpu_owner[static_cast<std::size_t>(cpu)].load(std::memory_order_relaxed) != this) return false;
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

void ThreadTeam::State::await_run(std::uint32_t seen, int cpu) noexcept {
  if (spin_for_run(seen, cpu)) return;
  // Sequentially consistent on both sides, here and in release_workers: either the caller sees the sleeper, or the
  // sleeper sees the new generation.
  sleepers.fetch_add(1);
  while (generation.load() == seen) generation.wait(seen);
  sleepers.fetch_sub(1);
}

void ThreadTeam::State::release_workers() noexcept {
  generation.fetch_add(1);
  if (sleepers.load() != 0) generation.notify_all();
}

/// A caller that shares a CPU with one of its own workers halves the team until the kernel balances them, milliseconds
/// later.
void ThreadTeam::State::step_aside() noexcept {
  if (home_cpu < 0) return;
  const std::optional<int> here = current_cpu();
  if (!here || *here == home_cpu || std::find(cpus.begin() + 1, cpus.end(), *here) == cpus.end()) return;
  if (!move_to(home_cpu)) home_cpu = -1;
}

void ThreadTeam::State::run_all(Work new_work, void* new_context) noexcept {
  step_aside();
  for (const int cpu : cpus) {
    if (cpu >= 0) claim_cpu(cpu, this);
  }
  work = new_work;
  context = new_context;
  running.store(size - 1, std::memory_order_relaxed);
  release_workers();
  {
    const FloatEnvironment environment;
    work(context, 0);
  }
  wait_until(crowded ? crowded_pauses : patient_pauses,
             [this]() noexcept { return running.load(std::memory_order_acquire) == 0; });
}

void ThreadTeam::State::barrier() noexcept {
  const std::uint32_t entered = round.load(std::memory_order_relaxed);  // cannot move on before this member has arrived
  if (arrived.fetch_add(1, std::memory_order_acq_rel) == size - 1) {
    arrived.store(0, std::memory_order_relaxed);
    round.store(entered + 1, std::memory_order_release);
    return;
  }
  wait_until(crowded ? crowded_pauses : patient_pauses,
             [this, entered]() noexcept { return round.load(std::memory_order_acquire) != entered; });
}

unsigned forks_so_far() noexcept {
  static constinit std::atomic<unsigned> forks = 0;
  static const int registered = pthread_atfork(nullptr, nullptr, []() noexcept { forks.fetch_add(1); });
  static_cast<void>(registered);
  return forks.load(std::memory_order_relaxed);
}

ThreadTeam::ThreadTeam(int threads, std::span<const int> cpus) : forks_(forks_so_far()) {
  if (threads < 1) reject("threads", std::to_string(threads) + " is not a thread count", "ask for 1 or more");
  state_ = std::make_unique<State>(threads, cpus);
  start();
}

void ThreadTeam::start() {
  try {
    state_->start_workers();
  } catch (const std::system_error& error) {
    fail("threads", "cannot start " + std::to_string(size()) + " threads (" + error.code().message() + ")",
         "ask for fewer threads or raise the limit of processes (ulimit -u, pids.max)");
  }
}

void ThreadTeam::renew_after_fork() {
  if (forks_ == forks_so_far()) return;
  // Joining threads that this process does not have would never end: the old state is left behind.
  const State* const old = state_.release();
  forks_ = forks_so_far();
  state_ = std::make_unique<State>(old->size, old->cpus);
  start();
}

ThreadTeam::~ThreadTeam() {
  if (forks_ != forks_so_far()) static_cast<void>(state_.release());
}

int ThreadTeam::size() const noexcept {
  return state_->size;
}

void ThreadTeam::run(void (*work)(void* context, int member) noexcept, void* context) noexcept {
  if (state_->size > 1) {
    state_->run_all(work, context);
  } else {
    const FloatEnvironment environment;
    work(context, 0);
  }
}

void ThreadTeam::barrier() noexcept {
  if (state_->size > 1) state_->barrier();
}

}  // namespace tessera
