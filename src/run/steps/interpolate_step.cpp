#include "run/steps/interpolate_step.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tessera {
namespace {

bool never_resized(const InterpolateSpec::Axis& axis) {
  return axis.elements.empty();
}

/// The axis whose elements lie closest in the result.
std::size_t axis_of_rows(const InterpolateSpec& spec) {
  std::size_t along = 0;
  for (std::size_t i = 0; i < spec.axes.size(); ++i)
    if (spec.axes[i].to <= spec.axes[along].to) along = i;
  return along;
}

float float_at(const std::byte* at) noexcept {
  float x;
  std::memcpy(&x, at, sizeof x);
  return x;
}

}  // namespace

bool InterpolateStep::fits(const InterpolateSpec& spec) {
  if (spec.axes.empty()) return false;
  const std::size_t along = axis_of_rows(spec);
  std::size_t combinations = 1, last = along;
  for (std::size_t i = 0; i < spec.axes.size(); ++i) {
    if (never_resized(spec.axes[i])) continue;
    last = i;
    if (i != along) combinations *= spec.taps;
    if (combinations > most_combinations) return false;
  }
  return never_resized(spec.axes[along]) || last == along;
}

InterpolateStep::InterpolateStep(InterpolateSpec spec) : spec_(std::move(spec)), along_(axis_of_rows(spec_)) {
  for (std::size_t i = 0; i < spec_.axes.size(); ++i)
    if (i != along_) outer_.push_back(i);
  std::ranges::stable_sort(outer_, [&](std::size_t a, std::size_t b) { return spec_.axes[a].to > spec_.axes[b].to; });
  for (const std::size_t axis : outer_) rows_ *= spec_.axes[axis].extent;
}

void InterpolateStep::run(const RunContext& context) const noexcept {
  if (spec_.y.buffer != no_buffer) fill_halo(spec_.y, 0, context);
  const Range rows = share(rows_, context.member, context.members);
  for (std::int64_t row = rows.first; row < rows.last; ++row) run_row(context, row);
}

void InterpolateStep::run_row(const RunContext& context, std::int64_t row) const noexcept {
  std::array<std::int64_t, 16> places{};
  const std::byte* source = context.at(spec_.from) + spec_.from_base;
  std::byte* target = context.at(spec_.to) + spec_.to_base;
  for (std::size_t i = outer_.size(); i-- > 0;) {
    const Axis& axis = spec_.axes[outer_[i]];
    const std::int64_t place = row % axis.extent;
    row /= axis.extent;
    places[outer_[i]] = place;
    target += place * axis.to;
    if (never_resized(axis)) source += place * axis.from;
  }
  Taps taps;
  for (std::size_t i = 0; i < spec_.axes.size(); ++i) {
    const Axis& axis = spec_.axes[i];
    if (i == along_ || never_resized(axis)) continue;
    const std::size_t first = static_cast<std::size_t>(places[i]) * spec_.taps;
    // From the last tap down, so that what is multiplied is still there.
    for (std::size_t tap = spec_.taps; tap-- > 0;)
      for (std::size_t k = 0; k < taps.count; ++k) {
        taps.weights[tap * taps.count + k] = taps.weights[k] * axis.weights[first + tap];
        taps.elements[tap * taps.count + k] = taps.elements[k] + axis.elements[first + tap];
      }
    taps.count *= spec_.taps;
  }
  if (never_resized(spec_.axes[along_]))
    mix_rows(taps, source, target);
  else
    resize_row(taps, source, target);
}

void InterpolateStep::resize_row(const Taps& taps, const std::byte* source, std::byte* target) const noexcept {
  const Axis& axis = spec_.axes[along_];
  for (std::int64_t i = 0; i < axis.extent; ++i) {
    const std::size_t first = static_cast<std::size_t>(i) * spec_.taps;
    float sum = 0.0F;
    for (std::size_t tap = first; tap < first + spec_.taps; ++tap)
      for (std::size_t k = 0; k < taps.count; ++k) {
        const float weight = taps.weights[k] * axis.weights[tap];
        if (weight != 0.0F) sum += weight * float_at(source + axis.elements[tap] + taps.elements[k]);
      }
    std::memcpy(target + i * axis.to, &sum, sizeof sum);
  }
}

void InterpolateStep::mix_rows(const Taps& taps, const std::byte* source, std::byte* target) const noexcept {
  constexpr std::int64_t width = sizeof(float);
  const Axis& axis = spec_.axes[along_];
  if (axis.from != width || axis.to != width) {
    for (std::int64_t i = 0; i < axis.extent; ++i) {
      float sum = 0.0F;
      for (std::size_t k = 0; k < taps.count; ++k)
        if (taps.weights[k] != 0.0F) sum += taps.weights[k] * float_at(source + i * axis.from + taps.elements[k]);
      std::memcpy(target + i * axis.to, &sum, sizeof sum);
    }
    return;
  }
  auto* const sums = reinterpret_cast<float*>(target);
  std::fill_n(sums, axis.extent, 0.0F);
  for (std::size_t k = 0; k < taps.count; ++k) {
    const float weight = taps.weights[k];
    if (weight == 0.0F) continue;
    const auto* const x = reinterpret_cast<const float*>(source + taps.elements[k]);
    for (std::int64_t i = 0; i < axis.extent; ++i) sums[i] += weight * x[i];
  }
}

}  // namespace tessera
