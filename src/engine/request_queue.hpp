// RequestQueue: work that waits for one of several threads. Bounded: more than it holds is refused, not piled up.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tessera {

class RequestQueue {
 public:
  /// Requests are run by that many threads, which are started by the first one.
  RequestQueue(int threads, std::size_t limit);
  /// Returns when everything that was taken has been run.
  ~RequestQueue();
  RequestQueue(const RequestQueue&) = delete;
  RequestQueue& operator=(const RequestQueue&) = delete;

  /// Takes a request, which must not throw. Thread-safe. Error{failed} when `limit` requests wait already.
  void add(std::function<void()> request);

 private:
  void serve() noexcept;

  const int threads_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace tessera
