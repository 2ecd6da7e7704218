// FreeStreams: which streams of a session nobody uses. Lease: one of them, for a while.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "cpu/team.hpp"

namespace tessera {

/// Which streams are free. A fork leaves the child with locks that nobody will release, so it gets new ones.
class FreeStreams {
 public:
  explicit FreeStreams(std::size_t count)
      : free_(count, true), sync_(std::make_unique<Sync>()), forks_(forks_so_far()) {}

  std::size_t take() {
    renew_after_fork();
    std::unique_lock lock(sync_->mutex);
    auto found = free_.end();
    sync_->changed.wait(lock, [&] { return (found = std::ranges::find(free_, true)) != free_.end(); });
    *found = false;
    return static_cast<std::size_t>(found - free_.begin());
  }
  /// That one and no other.
  void take(std::size_t index) {
    renew_after_fork();
    std::unique_lock lock(sync_->mutex);
    sync_->changed.wait(lock, [&] { return free_[index]; });
    free_[index] = false;
  }
  void give_back(std::size_t index) noexcept {
    {
      const std::lock_guard lock(sync_->mutex);
      free_[index] = true;
    }
    sync_->changed.notify_all();
  }

 private:
  struct Sync {
    std::mutex mutex;
    std::condition_variable changed;
  };
  void renew_after_fork() {
    if (forks_ == forks_so_far()) return;
    static_cast<void>(sync_.release());
    sync_ = std::make_unique<Sync>();
    forks_ = forks_so_far();
  }

  std::vector<bool> free_;
  std::unique_ptr<Sync> sync_;
  unsigned forks_;
};

/// A stream for as long as this lives.
class Lease {
 public:
  explicit Lease(FreeStreams& free) : free_(free), index_(free.take()) {}
  Lease(FreeStreams& free, std::size_t index) : free_(free), index_(index) { free.take(index); }
  ~Lease() { free_.give_back(index_); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  [[nodiscard]] std::size_t index() const noexcept { return index_; }

 private:
  FreeStreams& free_;
  std::size_t index_;
};

}  // namespace tessera
