#include "engine/stream.hpp"

#include <algorithm>

namespace tessera {
namespace {

/// Executors are tables of pointers, made in microseconds: a few spare a server of few shapes even that.
constexpr std::size_t most_executors = 16;

}  // namespace

Stream::Stream(int threads, std::span<const int> cpus)
    : team_(std::make_shared<ThreadTeam>(threads, cpus)), workspace_(std::make_shared<Workspace>()) {}

Executor& Stream::prepare(const std::shared_ptr<const ShapedPlan>& plan) {
  const auto known = std::ranges::find(entries_, plan, &Entry::plan);
  if (known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
  } else {
    const std::shared_ptr<const BatchPlans> plans(plan, &plan->plans);
    entries_.push_front({plan, std::make_unique<Executor>(plans, team_, workspace_)});
    if (entries_.size() > most_executors) entries_.pop_back();
  }
  Executor& executor = *entries_.front().executor;
  executor.prepare();
  return executor;
}

}  // namespace tessera
