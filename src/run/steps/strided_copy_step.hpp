// StridedCopyStep: elements from places that lie a fixed distance apart along every axis to such places: Transpose,
// Slice, Split, Expand and their like, also from images and to images.
#pragma once

#include <cstdint>
#include <vector>

#include "run/image.hpp"

namespace tessera {

struct StridedCopySpec {
  /// Distances in bytes from one element to the next along one axis.
  struct Axis {
    std::int64_t extent = 1, from = 0, to = 0;
  };
  BufferId from = no_buffer, to = no_buffer;
  std::int64_t from_base = 0, to_base = 0;  ///< bytes to the first element
  std::int64_t width = 4;                   ///< bytes of an element: 1, 2, 4 or 8
  std::vector<Axis> axes;                   ///< in any order
  Image y;                                  ///< whose border is filled; buffer == no_buffer: none
  std::uint8_t fill = 0;
};

class StridedCopyStep final : public Step {
 public:
  explicit StridedCopyStep(StridedCopySpec spec);

  void run(const RunContext& context) const noexcept override;

 private:
  using Axis = StridedCopySpec::Axis;

  void run_runs(const RunContext& context) const noexcept;
  template <typename Element>
  void run_tiles(const RunContext& context) const noexcept;
  /// Calls body(from, to) with the bytes to each of the combinations [first, last) of the outer axes.
  template <typename Body>
  void for_each_outer(Range range, const Body& body) const noexcept;

  StridedCopySpec spec_;    ///< its axes: the outer ones, which remain once the inner ones are taken off
  std::int64_t outer_ = 1;  ///< combinations of outer axes
  std::int64_t run_ = 0;    ///< bytes that lie together on both sides; 0: single elements
  Axis across_, along_;     ///< of single elements: along_ lies together in the result, across_ in the source
};

}  // namespace tessera
