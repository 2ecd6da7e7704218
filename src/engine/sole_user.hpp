// SoleUser: the guard of calls that belong to one thread at a time.
#pragma once

#include <atomic>

#include "core/error.hpp"

namespace tessera {

/// One thread at a time between binding and reading; a second one is told so instead of getting wrong numbers.
class SoleUser {
 public:
  explicit SoleUser(std::atomic<bool>& in_use) : in_use_(in_use) {
    if (in_use.exchange(true, std::memory_order_acquire))
      reject("session", "set_input, infer and output are used by two threads at once",
             "call run, which any number of threads may, or give each thread a session of its own");
  }
  ~SoleUser() { in_use_.store(false, std::memory_order_release); }
  SoleUser(const SoleUser&) = delete;
  SoleUser& operator=(const SoleUser&) = delete;

 private:
  std::atomic<bool>& in_use_;
};

}  // namespace tessera
