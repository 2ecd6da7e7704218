#include "interrupt.hpp"

#include <array>
#include <csignal>
#include <cstddef>

namespace tessera::tool {
namespace {

constexpr std::array watched = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t received = 0;
std::array<struct sigaction, watched.size()> previous;

void note(int signal) {
  received = signal;
}

}  // namespace

InterruptWatch::InterruptWatch() {
  received = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < watched.size(); ++i) {
    ::sigaction(watched[i], nullptr, &previous[i]);
    // What the parent had ignored (nohup) stays ignored.
    if (previous[i].sa_handler != SIG_IGN) ::sigaction(watched[i], &action, nullptr);
  }
}

InterruptWatch::~InterruptWatch() {
  for (std::size_t i = 0; i < watched.size(); ++i) ::sigaction(watched[i], &previous[i], nullptr);
}

bool InterruptWatch::interrupted() noexcept {
  return received != 0;
}

int InterruptWatch::exit_status() noexcept {
  constexpr int by_signal = 128;
  return received == 0 ? 0 : by_signal + static_cast<int>(received);
}

}  // namespace tessera::tool
