// Step: one unit of work of a plan, executed by all members of a team together. Between two steps the team meets at a
// barrier.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>

#include "tessera/step_info.hpp"

namespace tessera {

/// Index of a buffer of the plan: a place in the arena or a constant.
using BufferId = std::int32_t;
inline constexpr BufferId no_buffer = -1;

/// What a step sees when it runs. `buffers` belongs to the session: two sessions may run one plan at the same time.
struct RunContext {
  std::byte* const* buffers = nullptr;
  std::byte* scratch = nullptr;  ///< this member's own, at least the plan's scratch_bytes, 64-byte aligned
  int member = 0;
  int members = 1;
  /// Where plain code leaves an error in the data (an index out of range); the first one counts. Null: nobody will
  /// look.
  std::exception_ptr* failure = nullptr;
  /// A buffer that this member has for itself, in place of that of the plan; `own_memory` may lie so that only a part
  /// of it is there.
  BufferId own = no_buffer;
  std::byte* own_memory = nullptr;

  [[nodiscard]] std::byte* at(BufferId id) const noexcept { return id == own ? own_memory : buffers[id]; }
};

class Step {
 public:
  Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  virtual ~Step() = default;

  /// This member's share of the work. Allocates nothing, locks nothing, throws nothing.
  virtual void run(const RunContext& context) const noexcept = 0;
  /// Bytes each member needs as scratch.
  [[nodiscard]] virtual std::size_t scratch_bytes() const noexcept { return 0; }

  StepInfo info;
};

/// The part [first, last) of `count` items that falls to `member`: sizes differ by at most one `grain`.
struct Range {
  std::int64_t first = 0, last = 0;
};
constexpr Range share(std::int64_t count, int member, int members, std::int64_t grain = 1) noexcept {
  const std::int64_t grains = (count + grain - 1) / grain;
  const auto edge = [&](std::int64_t i) {
    const std::int64_t at = grains * i / members * grain;
    return at < count ? at : count;
  };
  return {edge(member), edge(member + 1)};
}

}  // namespace tessera
