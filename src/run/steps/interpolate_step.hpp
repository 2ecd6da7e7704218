// InterpolateStep: Resize of f32 by linear or cubic interpolation, from a dense array or an image to either. Members
// share the rows of the result. The order of every sum is that of plain code, so bits are the same.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "run/image.hpp"

namespace tessera {

struct InterpolateSpec {
  struct Axis {
    std::int64_t extent = 1;             ///< of the result
    std::int64_t from = 0, to = 0;       ///< bytes between neighbours
    std::vector<std::int64_t> elements;  ///< bytes to the taps of each place in the result; empty: all elements stay
    std::vector<float> weights;          ///< of these taps
  };
  BufferId from = no_buffer, to = no_buffer;
  std::int64_t from_base = 0, to_base = 0;  ///< bytes to the first element
  std::size_t taps = 2;                     ///< along every resized axis
  std::vector<Axis> axes;                   ///< in the order in which weights are multiplied
  Image y;                                  ///< whose border is filled with zeros; buffer == no_buffer: none
};

class InterpolateStep final : public Step {
 public:
  static constexpr std::size_t most_combinations = 64;
  /// Whether the step can run it: in the result, the axis whose elements lie together has to stay, or to be the last
  /// of those that are resized; and there are not too many taps for an element.
  static bool fits(const InterpolateSpec& spec);
  explicit InterpolateStep(InterpolateSpec spec);

  void run(const RunContext& context) const noexcept override;

 private:
  using Axis = InterpolateSpec::Axis;
  /// What all elements of a row have in common: taps along the axes but that of the row.
  struct Taps {
    std::array<float, most_combinations> weights{1.0F};
    std::array<std::int64_t, most_combinations> elements{};
    std::size_t count = 1;
  };

  void run_row(const RunContext& context, std::int64_t row) const noexcept;
  void resize_row(const Taps& taps, const std::byte* source, std::byte* target) const noexcept;
  void mix_rows(const Taps& taps, const std::byte* source, std::byte* target) const noexcept;

  InterpolateSpec spec_;
  std::size_t along_ = 0;           ///< the axis of a row
  std::vector<std::size_t> outer_;  ///< the others, the slowest of the result first
  std::int64_t rows_ = 1;
};

}  // namespace tessera
