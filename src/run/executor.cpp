#include "run/executor.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/clock.hpp"

namespace tessera {
namespace {

/// A page between areas that different members write: they never share a cache line or a prefetched neighbour.
constexpr std::size_t page = small_page;

std::size_t area(std::size_t bytes) {
  return round_up(bytes + buffer_slack, page);
}

/// Runs the steps one after the other, with `after` behind each; `seconds`: where to add what they took, or null.
template <typename After>
void run_steps(const Plan& plan, const RunContext& context, double* seconds, After after) noexcept {
  double last = seconds != nullptr ? seconds_now() : 0.0;
  for (const std::unique_ptr<Step>& step : plan.steps) {
    step->run(context);
    after();
    if (seconds == nullptr) continue;
    const double time = seconds_now();
    *seconds++ += time - last;
    last = time;
  }
}

/// Buffers in the arena at `base`, and constants where they are. Ports get theirs later.
std::vector<std::byte*> buffers_of(const Plan& plan, std::byte* base) {
  std::vector<std::byte*> buffers;
  buffers.reserve(plan.buffers.size());
  for (const BufferPlace& place : plan.buffers)
    // Constants are only read; RunContext has one pointer type for both.
    buffers.push_back(place.constant != nullptr ? const_cast<std::byte*>(place.constant) : base + place.offset);
  return buffers;
}

/// Touches every page; all members do, since the system takes most of the time of a large page to zero it.
void bring_in(std::byte* first, std::size_t bytes, ThreadTeam& team) {
  struct Area {
    std::byte* first;
    std::size_t bytes, share;
  };
  const auto members = static_cast<std::size_t>(team.size());
  Area area{first, bytes, round_up((bytes + members - 1) / members, large_page)};
  team.renew_after_fork();
  team.run(
      [](void* context, int member) noexcept {
        const Area& whole = *static_cast<const Area*>(context);
        const std::size_t begin = std::min(whole.bytes, whole.share * static_cast<std::size_t>(member));
        const std::size_t end = std::min(whole.bytes, begin + whole.share);
        for (std::size_t at = begin; at < end; at += small_page)
          const_cast<volatile std::byte&>(whole.first[at]) = std::byte{0};
      },
      &area);
}

}  // namespace

BatchPlans whole_batch(std::shared_ptr<const Plan> plan) {
  return {plan->inputs, plan->outputs, nullptr, 0, plan};
}

std::vector<StepInfo> steps_of(const BatchPlans& plans) {
  std::vector<StepInfo> steps;
  const auto list = [&](const Plan* plan, std::int64_t runs) {
    if (plan == nullptr) return;
    const std::size_t first = steps.size();
    for (const std::unique_ptr<Step>& step : plan->steps) {
      steps.push_back(step->info);
      steps.back().gflop *= static_cast<double>(runs);
      steps.back().bytes *= runs;
      steps.back().runs = runs;
      for (int& read : steps.back().reads)
        if (read >= 0) read += static_cast<int>(first);
    }
  };
  list(plans.rest.get(), 1);
  list(plans.part.get(), plans.parts);
  return steps;
}

std::size_t weight_bytes(const BatchPlans& plans) {
  std::set<const void*> counted;
  std::size_t bytes = 0;
  for (const Plan* plan : {plans.rest.get(), plans.part.get()}) {
    if (plan == nullptr) continue;
    for (const std::shared_ptr<const AlignedBuffer>& weight : plan->weights)
      if (counted.insert(weight.get()).second) bytes += weight->size();
  }
  return bytes;
}

std::byte* Workspace::reserve(std::size_t bytes, ThreadTeam& team) {
  const std::size_t before = memory_.size();
  if (bytes <= before) return memory_.data();
  memory_.grow(bytes);
  // Now rather than in the first inference: the system hands out memory, zeroed, when it is touched.
  bring_in(memory_.data() + before, bytes - before, team);
  return memory_.data();
}

Executor::Executor(std::shared_ptr<const Plan> plan, int threads, std::span<const int> cpus)
    : Executor(whole_batch(std::move(plan)), threads, cpus) {}

Executor::Executor(BatchPlans plans, int threads, std::span<const int> cpus)
    : Executor(std::make_shared<const BatchPlans>(std::move(plans)), std::make_shared<ThreadTeam>(threads, cpus),
               std::make_shared<Workspace>()) {
  prepare();
}

Executor::Executor(std::shared_ptr<const BatchPlans> plans, std::shared_ptr<ThreadTeam> team,
                   std::shared_ptr<Workspace> workspace)
    : shared_plans_(std::move(plans)),
      plans_(*shared_plans_),
      team_(std::move(team)),
      workspace_(std::move(workspace)),
      failures_(static_cast<std::size_t>(team_->size())) {
  measure();
}

void Executor::measure() {
  const auto members = static_cast<std::size_t>(team_->size());
  std::size_t scratch = 0, rest_area = 0;
  for (const std::vector<Port>* list : {&plans_.inputs, &plans_.outputs})
    for (const Port& port : *list) needed_.ports += area(port.bytes());
  if (plans_.part != nullptr) {
    needed_.part_area = area(plans_.part->arena_bytes);
    scratch = plans_.part->scratch_bytes;
  }
  if (plans_.rest != nullptr) {
    rest_area = area(plans_.rest->arena_bytes);
    scratch = std::max(scratch, plans_.rest->scratch_bytes);
  }
  needed_.arena = std::max(rest_area, needed_.part_area * members);
  scratch_stride_ = area(scratch);
  needed_.scratch = scratch_stride_ * members;
}

void Executor::prepare() {
  std::byte* const base = workspace_->reserve(needed_.total(), *team_);
  if (base == base_) return;
  place_buffers(base + needed_.ports);
  place_ports(base);
  base_ = base;
}

void Executor::place_buffers(std::byte* base) {
  const auto members = static_cast<std::size_t>(team_->size());
  scratch_base_ = base + needed_.arena;
  if (plans_.rest != nullptr) rest_buffers_ = buffers_of(*plans_.rest, base);
  part_buffers_.clear();
  if (plans_.part == nullptr) return;
  part_buffers_.reserve(members);
  for (std::size_t member = 0; member < members; ++member)
    part_buffers_.push_back(buffers_of(*plans_.part, base + needed_.part_area * member));
}

void Executor::place_ports(std::byte* base) {
  const Plan& plan = plans_.part != nullptr ? *plans_.part : *plans_.rest;
  std::byte* next = base;
  std::map<BufferId, std::byte*> known;  // an output may be an input, or another output, under another shape
  const auto place = [&](const std::vector<Port>& ports, const std::vector<Port>& of_plan,
                         std::vector<BoundPort>& bound) {
    bound.clear();
    bound.reserve(ports.size());
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const BufferId buffer = of_plan[i].buffer;
      std::byte*& data = known[buffer];
      const std::byte* const constant = plan.buffers[static_cast<std::size_t>(buffer)].constant;
      if (constant != nullptr) data = const_cast<std::byte*>(constant);
      if (data == nullptr) {
        data = next;
        next += area(ports[i].bytes());
      }
      bound.push_back({ports[i], data});
    }
  };
  place(plans_.inputs, plan.inputs, inputs_);
  place(plans_.outputs, plan.outputs, outputs_);
  slices_.clear();
  slices_.reserve(inputs_.size() + outputs_.size());
  bind_ports(inputs_, &Plan::inputs);
  bind_ports(outputs_, &Plan::outputs);
}

void Executor::bind_ports(const std::vector<BoundPort>& bound, const std::vector<Port> Plan::*list) {
  for (std::size_t i = 0; i < bound.size(); ++i) {
    std::size_t stride = 0;
    if (plans_.part != nullptr) {
      const Port& part = (plans_.part.get()->*list)[i];
      if (part.bytes() != bound[i].bytes()) stride = part.bytes();
      slices_.push_back({part.buffer, bound[i].data, stride});
    }
    if (plans_.rest == nullptr) continue;
    const BufferId buffer = (plans_.rest.get()->*list)[i].buffer;
    rest_buffers_[static_cast<std::size_t>(buffer)] = bound[i].data + stride * static_cast<std::size_t>(plans_.parts);
  }
}

std::size_t Executor::step_count() const noexcept {
  return (plans_.rest != nullptr ? plans_.rest->steps.size() : 0) +
         (plans_.part != nullptr ? plans_.part->steps.size() : 0);
}

RunContext Executor::context_of(int member) noexcept {
  RunContext context;
  context.scratch = scratch_base_ + scratch_stride_ * static_cast<std::size_t>(member);
  context.failure = &failures_[static_cast<std::size_t>(member)];
  return context;
}

void Executor::member_main(int member) noexcept {
  // The rest first: the barrier behind its last step is the only one it takes to reuse its memory.
  if (plans_.rest != nullptr) run_rest(member);
  if (plans_.part != nullptr) run_parts(member);
}

void Executor::run_rest(int member) noexcept {
  RunContext context = context_of(member);
  context.buffers = rest_buffers_.data();
  context.member = member;
  context.members = team_->size();
  run_steps(*plans_.rest, context, member == 0 ? seconds_ : nullptr, [this] { team_->barrier(); });
}

/// Members take parts as they come: which of them ran a part does not show in its results.
void Executor::run_parts(int member) noexcept {
  std::vector<std::byte*>& buffers = part_buffers_[static_cast<std::size_t>(member)];
  RunContext context = context_of(member);
  context.buffers = buffers.data();
  double* seconds = seconds_;
  if (seconds != nullptr)
    seconds += step_count() * static_cast<std::size_t>(member) + (step_count() - plans_.part->steps.size());
  for (std::int64_t part = next_part_++; part < plans_.parts; part = next_part_++) {
    for (const Slice& slice : slices_)
      buffers[static_cast<std::size_t>(slice.buffer)] = slice.data + slice.stride * static_cast<std::size_t>(part);
    run_steps(*plans_.part, context, seconds, [] {});
  }
}

void Executor::infer() {
  std::ranges::fill(failures_, nullptr);
  next_part_ = 0;
  team_->renew_after_fork();
  team_->run([](void* self, int member) noexcept { static_cast<Executor*>(self)->member_main(member); }, this);
  for (const std::exception_ptr& failure : failures_)
    if (failure != nullptr) std::rethrow_exception(failure);
}

void Executor::infer_timed(std::vector<double>& seconds) {
  const auto members = static_cast<std::size_t>(team_->size());
  const std::size_t steps = step_count();
  std::vector<double> measured(steps * members);
  struct Timing {
    Executor& executor;
    ~Timing() { executor.seconds_ = nullptr; }
  } timing{*this};
  seconds_ = measured.data();
  infer();
  const std::size_t first_part_step = plans_.rest != nullptr ? plans_.rest->steps.size() : 0;
  for (std::size_t i = 0; i < steps; ++i) {
    double sum = 0;
    for (std::size_t member = 0; member < members; ++member) sum += measured[member * steps + i];
    seconds[i] += i < first_part_step ? sum : sum / static_cast<double>(members);
  }
}

}  // namespace tessera
