#include "cpu/guarded_call.hpp"

#include <pthread.h>

#include <array>
#include <atomic>
#include <csetjmp>
#include <csignal>
#include <mutex>

namespace tessera {
namespace {

constexpr std::array guarded_signals = {SIGILL, SIGSEGV};

// Handlers are a property of the process, so the state is too; the mutex lets one guarded call run at a time.
std::mutex guard_mutex;
std::atomic<bool> guard_active = false;
std::atomic<pthread_t> guarded_thread;
sigjmp_buf resume_point;
std::array<struct sigaction, guarded_signals.size()> previous_actions;

void on_fault(int signal, siginfo_t*, void*) {
  if (guard_active && pthread_equal(guarded_thread, pthread_self())) siglongjmp(resume_point, 1);
  // Another thread's fault: with the handler it would have met in place again, its instruction is retried on return.
  for (std::size_t i = 0; i < guarded_signals.size(); ++i) {
    if (guarded_signals[i] == signal) sigaction(signal, &previous_actions[i], nullptr);
  }
}

bool attempt(void (*code)() noexcept) {
  if (sigsetjmp(resume_point, 1) != 0) return false;
  code();
  return true;
}

}  // namespace

bool runs_without_fault(void (*code)() noexcept) {
  const std::lock_guard lock(guard_mutex);
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigset_t guarded, previous_mask;
  sigemptyset(&guarded);
  guarded_thread = pthread_self();
  guard_active = true;
  for (std::size_t i = 0; i < guarded_signals.size(); ++i) {
    sigaddset(&guarded, guarded_signals[i]);
    sigaction(guarded_signals[i], nullptr, &previous_actions[i]);  // known before our handler can run
    sigaction(guarded_signals[i], &action, nullptr);
  }
  // A blocked signal that an instruction raises kills the process without asking the handler.
  pthread_sigmask(SIG_UNBLOCK, &guarded, &previous_mask);

  const bool survived = attempt(code);

  pthread_sigmask(SIG_SETMASK, &previous_mask, nullptr);
  for (std::size_t i = 0; i < guarded_signals.size(); ++i) {
    sigaction(guarded_signals[i], &previous_actions[i], nullptr);
  }
  guard_active = false;
  return survived;
}

}  // namespace tessera
