// RotaryStep: turns the heads of Q or K by their positions. Members share the tokens.
#pragma once

#include <cstdint>

#include "run/step.hpp"

namespace tessera {

struct RotarySpec {
  BufferId x = no_buffer, cosines = no_buffer, sines = no_buffer, y = no_buffer;  ///< dense f32
  std::int64_t batch = 1, heads = 1, length = 1, half = 0;                        ///< half: elements of half a head
  /// Elements of x and y from one batch item, head and token to the next.
  std::int64_t batch_stride = 0, head_stride = 0, token_stride = 0;
  /// Elements of the factors from one batch item to the next; 0: all have the same.
  std::int64_t cosines_batch = 0, sines_batch = 0;
};

class RotaryStep final : public Step {
 public:
  explicit RotaryStep(const RotarySpec& spec) : spec_(spec) {}

  void run(const RunContext& context) const noexcept override;

 private:
  RotarySpec spec_;
};

}  // namespace tessera
