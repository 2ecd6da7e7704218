// Executor: plans with memory and threads. One inference is one fork of the team. A plan for all threads together runs
// with a barrier behind every step; parts of a batch that are run apart need none (decision 27).
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "core/memory.hpp"
#include "cpu/team.hpp"
#include "plan/plan.hpp"

namespace tessera {

/// One batch as parts: `parts` equal ones at its front, each of which one thread runs on its own from beginning to end,
/// and the rest, which all threads run together.
struct BatchPlans {
  std::vector<Port> inputs, outputs;  ///< of the whole batch; `buffer` means nothing here
  std::shared_ptr<const Plan> part;   ///< ports in the same order; null: no parts
  std::int64_t parts = 0;
  std::shared_ptr<const Plan> rest;  ///< likewise; null: nothing is left over
};

/// A port and its memory.
struct BoundPort : Port {
  std::byte* data = nullptr;
};

/// All threads together from beginning to end.
BatchPlans whole_batch(std::shared_ptr<const Plan> plan);

class Executor {
 public:
  /// `cpus`: where to pin the members; empty: nowhere.
  Executor(BatchPlans plans, int threads, std::span<const int> cpus);
  /// All threads together.
  Executor(std::shared_ptr<const Plan> plan, int threads, std::span<const int> cpus);

  /// Runs every step on the whole batch. Allocates nothing, takes no lock. Error{invalid} when the data cannot be
  /// worked on (a token id outside the vocabulary); the outputs are then meaningless, the executor stays usable.
  void infer();
  /// The same, adding the seconds of each step to `seconds`, in the order of steps(): as member 0 saw them, or the mean
  /// over the members where each runs it on its own.
  void infer_timed(std::vector<double>& seconds);

  [[nodiscard]] const std::vector<BoundPort>& inputs() const noexcept { return inputs_; }
  [[nodiscard]] const std::vector<BoundPort>& outputs() const noexcept { return outputs_; }
  /// Of the rest, then of the parts; what they do counts for a whole inference.
  [[nodiscard]] const std::vector<StepInfo>& steps() const noexcept { return steps_; }
  [[nodiscard]] int threads() const noexcept { return team_.size(); }
  [[nodiscard]] std::size_t weight_bytes() const noexcept { return weight_bytes_; }
  [[nodiscard]] std::size_t arena_bytes() const noexcept { return memory_.size(); }

 private:
  /// A port of the part: where it lies in part number 0, and how far the others are from there.
  struct Slice {
    BufferId buffer = no_buffer;
    std::byte* data = nullptr;
    std::size_t stride = 0;  ///< 0: the same for all parts
  };

  void place_ports();
  /// Tells the plans where their ports are; `list`: inputs or outputs.
  void bind_ports(const std::vector<BoundPort>& bound, const std::vector<Port> Plan::*list);
  void place_buffers();
  void list_steps();
  void member_main(int member) noexcept;
  void run_rest(int member) noexcept;
  void run_parts(int member) noexcept;
  [[nodiscard]] RunContext context_of(int member) noexcept;

  BatchPlans plans_;
  ThreadTeam team_;
  std::vector<BoundPort> inputs_, outputs_;
  std::vector<Slice> slices_;
  AlignedBuffer memory_;  ///< ports, then the arena of the rest or those of the parts, then scratch of each member
  std::vector<std::byte*> rest_buffers_;
  std::vector<std::vector<std::byte*>> part_buffers_;  ///< of each member
  std::byte* scratch_base_ = nullptr;
  std::size_t scratch_stride_ = 0;
  std::vector<StepInfo> steps_;
  std::size_t weight_bytes_ = 0;
  std::atomic<std::int64_t> next_part_ = 0;
  std::vector<std::exception_ptr> failures_;  ///< of each member
  double* seconds_ = nullptr;                 ///< while a timed inference runs: those of member 0, of member 1 ...
};

}  // namespace tessera
