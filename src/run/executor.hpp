// Executor: plans with memory and threads that it may share with others. One inference is one fork of the team. A plan
// for all threads together runs with a barrier behind every step; parts of a batch that are run apart need none
// (decision 27).
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "core/memory.hpp"
#include "cpu/team.hpp"
#include "run/plan.hpp"

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

/// Of the rest, then of the parts; what they do counts for a whole inference.
std::vector<StepInfo> steps_of(const BatchPlans& plans);
/// Packed weights, each once.
std::size_t weight_bytes(const BatchPlans& plans);

/// Memory that executors of one team use in turns: as large as the largest of them needs.
class Workspace {
 public:
  /// At least that many bytes, present rather than promised by the system: the team brings in what is new. Executors
  /// that find another address here than before have to place their buffers anew.
  std::byte* reserve(std::size_t bytes, ThreadTeam& team);
  [[nodiscard]] std::size_t bytes() const noexcept { return memory_.size(); }

 private:
  GrowingBuffer memory_;
};

class Executor {
 public:
  /// Usable after prepare(). `plans` do not change and may be shared.
  Executor(std::shared_ptr<const BatchPlans> plans, std::shared_ptr<ThreadTeam> team,
           std::shared_ptr<Workspace> workspace);
  /// With a team and memory of its own, prepared; all threads together. `cpus`: where to pin the members; empty:
  /// nowhere.
  Executor(std::shared_ptr<const Plan> plan, int threads, std::span<const int> cpus);
  Executor(BatchPlans plans, int threads, std::span<const int> cpus);

  /// Makes the workspace large enough and finds all buffers in it. To be called before inputs are written when another
  /// executor may have used the workspace since. Costs next to nothing where the workspace has not moved.
  void prepare();

  /// Runs every step on the whole batch. Allocates nothing, takes no lock. Error{invalid} when the data cannot be
  /// worked on (a token id outside the vocabulary); the outputs are then meaningless, the executor stays usable.
  void infer();
  /// The same, adding the seconds of each step to `seconds`, in the order of steps(): as member 0 saw them, or the mean
  /// over the members where each runs it on its own.
  void infer_timed(std::vector<double>& seconds);

  [[nodiscard]] const std::vector<BoundPort>& inputs() const noexcept { return inputs_; }
  [[nodiscard]] const std::vector<BoundPort>& outputs() const noexcept { return outputs_; }
  [[nodiscard]] std::vector<StepInfo> steps() const { return steps_of(plans_); }
  [[nodiscard]] int threads() const noexcept { return team_->size(); }
  [[nodiscard]] std::size_t arena_bytes() const noexcept { return needed_.total(); }

 private:
  /// A port of the part: where it lies in part number 0, and how far the others are from there.
  struct Slice {
    BufferId buffer = no_buffer;
    std::byte* data = nullptr;
    std::size_t stride = 0;  ///< 0: the same for all parts
  };

  /// Bytes, in the order in which they lie in the workspace.
  struct Needed {
    std::size_t ports = 0, arena = 0, scratch = 0;  ///< scratch: of all members
    std::size_t part_area = 0;                      ///< of one member, inside arena
    [[nodiscard]] std::size_t total() const noexcept { return ports + arena + scratch; }
  };

  void measure();
  void place_ports(std::byte* base);
  /// Tells the plans where their ports are; `list`: inputs or outputs.
  void bind_ports(const std::vector<BoundPort>& bound, const std::vector<Port> Plan::*list);
  void place_buffers(std::byte* base);
  [[nodiscard]] std::size_t step_count() const noexcept;
  void member_main(int member) noexcept;
  void run_rest(int member) noexcept;
  void run_parts(int member) noexcept;
  [[nodiscard]] RunContext context_of(int member) noexcept;

  std::shared_ptr<const BatchPlans> shared_plans_;
  const BatchPlans& plans_;
  std::shared_ptr<ThreadTeam> team_;
  std::shared_ptr<Workspace> workspace_;
  Needed needed_;
  std::byte* base_ = nullptr;  ///< where everything below points into
  std::vector<BoundPort> inputs_, outputs_;
  std::vector<Slice> slices_;
  std::vector<std::byte*> rest_buffers_;
  std::vector<std::vector<std::byte*>> part_buffers_;  ///< of each member
  std::byte* scratch_base_ = nullptr;
  std::size_t scratch_stride_ = 0;
  std::atomic<std::int64_t> next_part_ = 0;
  std::vector<std::exception_ptr> failures_;  ///< of each member
  double* seconds_ = nullptr;                 ///< while a timed inference runs: those of member 0, of member 1 ...
};

}  // namespace tessera
