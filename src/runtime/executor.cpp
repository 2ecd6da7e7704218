#include "runtime/executor.hpp"

#include <chrono>
#include <cstring>

namespace tessera {
namespace {

double now() noexcept {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Executor::Executor(std::shared_ptr<const Plan> plan, int threads, std::span<const int> cpus)
    : plan_(std::move(plan)), team_(threads, cpus) {
  // A page between scratch areas: members never share a cache line or a prefetched neighbour.
  constexpr std::size_t page = 4096;
  scratch_stride_ = round_up(plan_->scratch_bytes + buffer_slack, page);
  const std::size_t scratch_start = round_up(plan_->arena_bytes + buffer_slack, page);
  arena_ = AlignedBuffer(scratch_start + scratch_stride_ * static_cast<std::size_t>(threads));
  // Now rather than in the first inference: the system hands out memory when it is touched.
  std::memset(arena_.data(), 0, arena_.size());
  for (const BufferPlace& place : plan_->buffers)
    // Constants are only read; RunContext has one pointer type for both.
    buffers_.push_back(place.constant != nullptr ? const_cast<std::byte*>(place.constant)
                                                 : arena_.data() + place.offset);
  scratch_base_ = arena_.data() + scratch_start;
}

void Executor::member_main(int member) noexcept {
  const RunContext context{buffers_.data(), scratch_base_ + scratch_stride_ * static_cast<std::size_t>(member), member,
                           team_.size(), member == 0 ? &failure_ : nullptr};
  const bool timing = member == 0 && seconds_ != nullptr;
  double last = timing ? now() : 0.0;
  for (std::size_t i = 0; i < plan_->steps.size(); ++i) {
    plan_->steps[i]->run(context);
    team_.barrier();
    if (timing) {
      const double time = now();
      seconds_[i] += time - last;
      last = time;
    }
  }
}

void Executor::infer() {
  failure_ = nullptr;
  team_.run([](void* self, int member) noexcept { static_cast<Executor*>(self)->member_main(member); }, this);
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

void Executor::infer_timed(std::vector<double>& seconds) {
  struct Timing {
    Executor& executor;
    ~Timing() { executor.seconds_ = nullptr; }
  } timing{*this};
  seconds_ = seconds.data();
  infer();
}

}  // namespace tessera
