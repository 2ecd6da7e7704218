#include "run/steps/rotary_step.hpp"

namespace tessera {
namespace {

/// y = x * c + (-second half of x, first half of x) * s. Simple enough for the compiler, and the same bits on every
/// tier.
void turn_head(const float* __restrict x, const float* __restrict c, const float* __restrict s, std::int64_t half,
               float* __restrict y) noexcept {
  for (std::int64_t i = 0; i < half; ++i) y[i] = x[i] * c[i] - x[i + half] * s[i];
  for (std::int64_t i = 0; i < half; ++i) y[i + half] = x[i + half] * c[i + half] + x[i] * s[i + half];
}

}  // namespace

void RotaryStep::run(const RunContext& context) const noexcept {
  const auto floats = [&](BufferId id) { return reinterpret_cast<float*>(context.at(id)); };
  const float *const x = floats(spec_.x), *const cosines = floats(spec_.cosines), *const sines = floats(spec_.sines);
  float* const y = floats(spec_.y);
  const Range tokens = share(spec_.batch * spec_.length, context.member, context.members);
  for (std::int64_t token = tokens.first; token < tokens.last; ++token) {
    const std::int64_t item = token / spec_.length, position = token % spec_.length;
    const std::int64_t row = position * 2 * spec_.half;
    for (std::int64_t head = 0; head < spec_.heads; ++head) {
      const std::int64_t at = item * spec_.batch_stride + head * spec_.head_stride + position * spec_.token_stride;
      turn_head(x + at, cosines + item * spec_.cosines_batch + row, sines + item * spec_.sines_batch + row, spec_.half,
                y + at);
    }
  }
}

}  // namespace tessera
