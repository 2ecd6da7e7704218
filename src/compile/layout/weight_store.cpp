#include "compile/layout/weight_store.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <iterator>

#include "core/deferred_tensor.hpp"
#include "cpu/team.hpp"

namespace tessera {
namespace {

/// Smaller ones come from the heap: a model with few weights maps nothing.
constexpr std::size_t least_in_region = std::size_t{16} << 10;

/// Hands out indices to the members of a team until one of them fails.
struct Queue {
  std::function<void(std::size_t, AlignedBuffer& scratch)> work;
  std::size_t size = 0;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;  ///< the first one

  void drain() noexcept {
    AlignedBuffer scratch;
    for (std::size_t i = next++; i < size; i = next++) {
      try {
        work(i, scratch);
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
  Entry& entry = entries_[{identity_of(source), form}];
  if (entry.packed == nullptr) {
    const auto packed = std::make_shared<AlignedBuffer>(new_buffer(bytes));
    add(source, [packed, pack = std::move(pack)](const std::byte* elements) { pack(elements, packed->data()); });
    entry = {source, packed};
  }
  return entry.packed;
}

PackedWeight WeightStore::get(const Tensor& source, const std::string& form, Make make) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[{identity_of(source), form}];
  if (entry.packed == nullptr) {
    const auto packed = std::make_shared<AlignedBuffer>();
    add(source, [packed, make = std::move(make)](const std::byte* elements) { *packed = make(elements); });
    entry = {source, packed};
  }
  return entry.packed;
}

void WeightStore::when_read(const Tensor& source, Look look) {
  const std::lock_guard lock(mutex_);
  add(source, std::move(look));
}

AlignedBuffer WeightStore::new_buffer(std::size_t bytes) {
  return bytes < least_in_region ? AlignedBuffer(bytes) : region_.take(bytes);
}

void WeightStore::add(const Tensor& source, Look look) {
  const auto same = [&](const Job& job) { return identity_of(job.source) == identity_of(source); };
  auto job = std::ranges::find_if(jobs_, same);
  if (job == jobs_.end()) job = jobs_.insert(jobs_.end(), {source, {}});
  job->looks.push_back(std::move(look));
}

void WeightStore::pack(int threads) {
  const std::lock_guard only_one(packing_);
  std::vector<Job> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
    region_.settle();
  }
  if (jobs.empty()) return;
  // The largest first: none of them is left for the end, when the other threads have nothing to do.
  std::ranges::stable_sort(jobs, std::greater{}, [](const Job& job) { return job.source.bytes(); });
  Queue queue;
  queue.size = jobs.size();
  queue.work = [&](std::size_t i, AlignedBuffer& scratch) {
    const BorrowedElements elements = borrow(jobs[i].source, scratch);
    for (const Look& look : jobs[i].looks) look(elements.data);
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
