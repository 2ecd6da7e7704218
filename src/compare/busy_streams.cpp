#include "compare/busy_streams.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <utility>

namespace tessera {
namespace {

constexpr int requests_per_stream = 8;

/// The requests of one burst. Callbacks on threads of the session change it, the measuring thread waits for its end.
class Burst {
 public:
  Burst(Session& session, const TensorMap& inputs, const Clock& clock, int requests)
      : session_(session), inputs_(inputs), clock_(clock), waiting_(requests) {
    latencies_.reserve(static_cast<std::size_t>(requests));
  }

  std::vector<double> run(int under_way) {
    for (int i = 0; i < under_way; ++i) start_next();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    return std::move(latencies_);
  }

 private:
  void start_next() {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_ == 0 || failure_ != nullptr) return;
      --waiting_;
      ++running_;
    }
    const double begin = clock_();
    try {
      session_.run_async(inputs_, [this, begin](const TensorMap&, const std::exception_ptr& error) {
        finish(clock_() - begin, error);
      });
    } catch (...) {
      finish(0, std::current_exception());
    }
  }

  void finish(double seconds, const std::exception_ptr& error) {
    if (error == nullptr) start_next();
    const std::lock_guard lock(mutex_);
    if (error == nullptr)
      latencies_.push_back(seconds);
    else
      failure_ = error;
    if (--running_ == 0) changed_.notify_all();
  }

  Session& session_;
  const TensorMap& inputs_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_, running_ = 0;
  std::exception_ptr failure_;
  std::vector<double> latencies_;
};

}  // namespace

BusyStreams::BusyStreams(Session& session, const TensorMap& inputs, Clock clock)
    : session_(session),
      inputs_(inputs),
      clock_(std::move(clock)),
      requests_(session.streams() * requests_per_stream) {}

void BusyStreams::run() {
  const std::vector<double> burst = Burst(session_, inputs_, clock_, requests_).run(session_.streams());
  latencies_.insert(latencies_.end(), burst.begin(), burst.end());
}

std::vector<double> BusyStreams::latencies(std::size_t bursts) const {
  const std::size_t count = std::min(latencies_.size(), bursts * static_cast<std::size_t>(requests_));
  return {latencies_.end() - static_cast<std::ptrdiff_t>(count), latencies_.end()};
}

}  // namespace tessera
