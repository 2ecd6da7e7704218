// Executor: a plan with memory and threads. One inference is one fork of the team; steps are separated by its barrier.
#pragma once

#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "core/memory.hpp"
#include "cpu/team.hpp"
#include "plan/plan.hpp"

namespace tessera {

class Executor {
 public:
  /// `cpus`: where to pin the members; empty: nowhere.
  Executor(std::shared_ptr<const Plan> plan, int threads, std::span<const int> cpus);

  /// Runs every step once. Allocates nothing, takes no lock. Error{invalid} when the data cannot be worked on (a token
  /// id outside the vocabulary); the outputs are then meaningless, the executor stays usable.
  void infer();
  /// The same, adding each step's seconds (as member 0 saw them) to `seconds`, one entry per step.
  void infer_timed(std::vector<double>& seconds);

  [[nodiscard]] const Plan& plan() const noexcept { return *plan_; }
  [[nodiscard]] int threads() const noexcept { return team_.size(); }
  [[nodiscard]] std::byte* data(BufferId id) const noexcept { return buffers_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::size_t arena_bytes() const noexcept { return arena_.size(); }

 private:
  void member_main(int member) noexcept;

  std::shared_ptr<const Plan> plan_;
  ThreadTeam team_;
  AlignedBuffer arena_;  ///< buffers, then one scratch area per member
  std::vector<std::byte*> buffers_;
  std::byte* scratch_base_ = nullptr;
  std::size_t scratch_stride_ = 0;
  std::exception_ptr failure_;  ///< written by member 0 only
  double* seconds_ = nullptr;   ///< set while a timed inference runs
};

}  // namespace tessera
