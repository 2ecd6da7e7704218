#include "plan/weight_store.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <iterator>

#include "cpu/team.hpp"

namespace tessera {
namespace {

/// Hands out indices to the members of a team until one of them fails.
struct Queue {
  std::function<void(std::size_t)> work;
  std::size_t size = 0;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;  ///< the first one

  void drain() noexcept {
    for (std::size_t i = next++; i < size; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (failure == nullptr) failure = std::current_exception();
        next = size;
      }
    }
  }
};

}  // namespace

PackedWeight WeightStore::get(const Tensor& source, const std::string& form, std::size_t bytes, Pack pack) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[{source.identity(), form}];
  if (entry.packed == nullptr) {
    auto packed = std::make_shared<AlignedBuffer>(bytes);
    jobs_.push_back({source, packed, std::move(pack)});
    entry = {source, std::move(packed)};
  }
  return entry.packed;
}

void WeightStore::pack(int threads) {
  const std::lock_guard only_one(packing_);
  std::vector<Job> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  if (jobs.empty()) return;
  // The largest first: none of them is left for the end, when the other threads have nothing to do.
  std::ranges::stable_sort(jobs, std::greater{}, [](const Job& job) { return job.packed->size(); });
  Queue queue;
  queue.size = jobs.size();
  queue.work = [&](std::size_t i) {
    const BorrowedElements elements = jobs[i].source.borrow();
    jobs[i].pack(elements.data, jobs[i].packed->data());
  };
  const int members = std::clamp(threads, 1, static_cast<int>(std::min<std::size_t>(jobs.size(), 64)));
  ThreadTeam team(members);
  team.run([](void* context, int) noexcept { static_cast<Queue*>(context)->drain(); }, &queue);
  if (queue.failure == nullptr) return;
  put_back(std::move(jobs));
  std::rethrow_exception(queue.failure);
}

void WeightStore::put_back(std::vector<Job> jobs) {
  const std::lock_guard lock(mutex_);
  jobs_.insert(jobs_.end(), std::make_move_iterator(jobs.begin()), std::make_move_iterator(jobs.end()));
}

std::size_t WeightStore::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& [key, entry] : entries_) total += entry.packed->size();
  return total;
}

}  // namespace tessera
