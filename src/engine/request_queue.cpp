#include "engine/request_queue.hpp"

#include <string>
#include <system_error>
#include <utility>

#include "core/error.hpp"

namespace tessera {

RequestQueue::RequestQueue(int threads, std::size_t limit) : threads_(threads), limit_(limit) {}

RequestQueue::~RequestQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void RequestQueue::add(std::function<void()> request) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= limit_)
      fail("queue", std::to_string(limit_) + " requests wait already", "wait for results before sending more");
    try {
      while (workers_.size() < static_cast<std::size_t>(threads_))
        workers_.emplace_back([this]() noexcept { serve(); });
    } catch (const std::system_error& error) {
      if (workers_.empty())
        fail("queue", "cannot start a thread (" + error.code().message() + ")",
             "raise the limit of processes (ulimit -u, pids.max)");
    }
    waiting_.push_back(std::move(request));
  }
  changed_.notify_one();
}

void RequestQueue::serve() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::function<void()> request = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    request();
    lock.lock();
  }
}

}  // namespace tessera
