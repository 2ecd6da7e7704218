#include "engine/plan_cache.hpp"

#include <algorithm>
#include <utility>

namespace tessera {
namespace {

/// A step with its strings and tables of pointers. An estimate that has not been measured: the bound is as good as it.
constexpr std::size_t bytes_of_step = 3072;

bool same(const std::vector<Binding>& a, const std::vector<Binding>& b) {
  return std::ranges::equal(
      a, b, [](const Binding& x, const Binding& y) { return x.symbol == y.symbol && x.extent == y.extent; });
}

}  // namespace

std::size_t bytes_of(const BatchPlans& plans) {
  std::size_t bytes = sizeof(ShapedPlan);
  for (const Plan* plan : {plans.part.get(), plans.rest.get()})
    if (plan != nullptr) bytes += plan->steps.size() * bytes_of_step + plan->buffers.size() * sizeof(BufferPlace);
  return bytes;
}

PlanCache::PlanCache(Graph graph, PlanSettings settings, WeightStore& weights)
    : graph_(std::move(graph)), settings_(std::move(settings)), weights_(weights) {}

std::shared_ptr<const ShapedPlan> PlanCache::get(const std::vector<Binding>& bindings, Tuner* tuner) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find_if(entries_, [&](const Entry& e) { return same(e.plan->bindings, bindings); });
  if (known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
    return entries_.front().plan;
  }
  std::shared_ptr<const ShapedPlan> plan = make(bindings, tuner);
  const std::size_t bytes = bytes_of(plan->plans);
  entries_.push_front({plan, bytes});
  bytes_ += bytes;
  evict();
  return plan;
}

/// The plan that was asked for stays, however large it is.
void PlanCache::evict() {
  while (bytes_ > settings_.most_bytes && entries_.size() > 1) {
    bytes_ -= entries_.back().bytes;
    entries_.pop_back();
  }
}

std::shared_ptr<const ShapedPlan> PlanCache::make(const std::vector<Binding>& bindings, Tuner* tuner) const {
  Graph batch = graph_;
  bind_shapes(batch, bindings);
  auto made = std::make_shared<ShapedPlan>();
  made->bindings = bindings;
  if (settings_.split_batch) made->split = split_batch(graph_, batch, bindings, settings_.threads, settings_.topology);
  made->plans = plan_batch(graph_, batch, bindings, made->split, settings_.isa, settings_.threads, weights_, tuner);
  return made;
}

std::size_t PlanCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::size_t PlanCache::count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace tessera
