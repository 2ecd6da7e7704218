// Stream: a team of threads and its memory, which run any plan that was made for as many threads. Requests of one
// stream run one after the other; several streams run side by side and share plans and packed weights.
#pragma once

#include <list>
#include <memory>
#include <span>

#include "engine/plan_cache.hpp"

namespace tessera {

class Stream {
 public:
  Stream(int threads, std::span<const int> cpus);

  /// The executor of this plan, ready for its inputs. The memory of all plans of a stream is the same: what another one
  /// left there is lost. The reference holds until the next call.
  Executor& prepare(const std::shared_ptr<const ShapedPlan>& plan);

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return workspace_->bytes(); }
  [[nodiscard]] int threads() const noexcept { return team_->size(); }

 private:
  struct Entry {
    std::shared_ptr<const ShapedPlan> plan;
    std::unique_ptr<Executor> executor;
  };

  std::shared_ptr<ThreadTeam> team_;
  std::shared_ptr<Workspace> workspace_;
  std::list<Entry> entries_;  ///< the one used last in front
};

}  // namespace tessera
